"""One request through any adapter, by the very handler that a server would call.

Behind each is the same site; nothing but ptrack is around it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import set_script_prefix

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.recording import Clicks, Recorder, clicked, registered

URLCONF = "tests.urlconfs.beside"
PREFIX = b"/ptrack/"

LINK_PREFIX = b"/ptrack/link/"

Hit = tuple[tuple[Any, ...], dict[str, Any]]
Click = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Request:
    """What a server has read, before it hands it to the application.

    Attributes:
        method: Any text of the characters 0 to 255.
        path: Percent-decoded.
        query: As it was sent.
        headers: Names and values, of the characters 0 to 255.
        mount: Where the application is mounted, which is not part of the path.
    """

    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    mount: str = ""


@dataclass(frozen=True)
class Response:
    """What came back, and the calls that the callback got.

    Attributes:
        status: The code.
        headers: In order, the names as they were written.
        body: All of it.
        hits: The arguments of each call for a pixel.
        clicks: The target and the arguments of each call for a link.
        metas: What each call could read of its request in ``META``.
        requests: The objects that the calls got, which differ by the framework.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    hits: list[Hit]
    clicks: list[Click]
    metas: list[dict[str, str]]
    requests: list[Any] = field(compare=False, repr=False)


Send = Callable[[Request], Response]


@contextmanager
def adapters() -> Iterator[dict[str, Send]]:
    """Give a function for each adapter, by name, to send requests with."""
    with (
        override_settings(ROOT_URLCONF=URLCONF),
        registered(ptrack.tracker) as recorder,
        clicked(ptrack.tracker) as clicks,
    ):
        with override_settings(MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"]):
            middleware, async_middleware = WSGIHandler(), ASGIHandler()
        with override_settings(MIDDLEWARE=[]):
            bare, async_bare = WSGIHandler(), ASGIHandler()
        found = {
            "middleware": _through_wsgi(middleware),
            "async middleware": through_asgi(async_middleware),
            "urls": _through_wsgi(bare),
            "async urls": through_asgi(async_bare),
            "wsgi": _through_wsgi(PtrackWSGIMiddleware(bare, pixels=())),
            "asgi": through_asgi(PtrackASGIMiddleware(async_bare, pixels=())),
        }
        yield {name: _with_hits(send, recorder, clicks) for name, send in found.items()}


def _with_hits(
    send: Callable[[Request], Any], recorder: Recorder, clicks: Clicks
) -> Send:
    def sent(request: Request) -> Response:
        recorder.forget()
        clicks.forget()
        try:
            answer = send(request)
        finally:
            # Django leaves the mount to the thread, for the next request to change.
            set_script_prefix("/")
        requests = [*recorder.requests, *clicks.requests]
        metas = [_of_the_request(each.META) for each in requests]
        hits, clicked = list(recorder.hits), list(clicks.hits)
        return Response(*answer, hits, clicked, metas, requests)

    return sent


def _of_the_request(meta: dict[str, Any]) -> dict[str, str]:
    # Not the method: "get" Django leaves as it is under WSGI, and not under ASGI.
    names = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
    return {
        name: value
        for name, value in meta.items()
        if name in names or name.startswith("HTTP_")
    }


# -- WSGI -----------------------------------------------------------------------------


def environ_of(request: Request) -> dict[str, Any]:
    """Give the request as PEP 3333 has it: bytes as the characters 0 to 255."""
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mount,
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "www.example.com",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": None,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **dict(map(_variable, request.headers)),
    }


def _variable(header: tuple[str, str]) -> tuple[str, str]:
    name = header[0].upper().replace("-", "_")
    bare = name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    return (name if bare else f"HTTP_{name}"), header[1]


def _through_wsgi(app: Any) -> Callable[[Request], Any]:
    def send(request: Request) -> Any:
        started: list[Any] = []

        def start_response(*given: Any) -> None:
            started.append(given)

        answer: Iterable[bytes] = app(environ_of(request), start_response)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        ((status, headers),) = started
        return int(status.split()[0]), headers, body

    return send


# -- ASGI -----------------------------------------------------------------------------


def scope_of(request: Request) -> dict[str, Any]:
    """Give the request as ASGI has it: the path is text, made as uvicorn does."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.mount + request.path.decode("utf-8", "replace"),
        "raw_path": quote(request.mount.encode() + request.path).encode(),
        "query_string": request.query,
        "root_path": request.mount,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def through_asgi(app: Any) -> Callable[[Request], Any]:
    async def sent(request: Request) -> Any:
        incoming = [{"type": "http.request", "body": b"", "more_body": False}]
        outgoing: list[Any] = []

        async def receive() -> Any:
            # After the body nothing comes but the client's going, and this one stays.
            return incoming.pop() if incoming else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            outgoing.append(message)

        await app(scope_of(request), receive, send)
        start, *parts = outgoing
        # The specification wants names in lower case, and Django writes them as WSGI.
        headers = [
            (name.decode("latin-1").title(), value.decode("latin-1"))
            for name, value in start["headers"]
        ]
        return start["status"], headers, b"".join(part["body"] for part in parts)

    return lambda request: asyncio.run(sent(request))
