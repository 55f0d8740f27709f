"""One request through any adapter, by the same handler that a server calls.

Behind each is the same site, with nothing but ptrack around it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
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
from tests.recording import Clicks, Recorder, register_clicks, register_recorder

URLCONF = "tests.urlconfs.beside"
PREFIX = b"/ptrack/"

LINK_PREFIX = b"/ptrack/link/"

Hit = tuple[tuple[Any, ...], dict[str, Any]]
Click = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Request:
    """A request, as a server has read it.

    Attributes:
        method: Any text of the characters 0 to 255.
        path: The path below the mount, percent-decoded.
        query: The query, as it was sent.
        headers: Names and values, of the characters 0 to 255.
        mount: The path that the application is mounted at.
    """

    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    mount: str = ""


@dataclass(frozen=True)
class Response:
    """A response, and the calls of the callbacks.

    Attributes:
        status: The status code.
        headers: The headers in order, their names as they were written.
        body: The whole body.
        hits: The arguments of each call for a pixel.
        clicks: The target and the arguments of each call for a link.
        metas: The ``META`` of each call's request, as far as the client sent it.
        requests: The request of each call; its class differs by the framework.
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
def open_adapters() -> Iterator[dict[str, Send]]:
    """Yield a function for each adapter, by name, to send requests with."""
    with (
        override_settings(ROOT_URLCONF=URLCONF),
        asyncio.Runner() as runner,
        register_recorder(ptrack.tracker) as recorder,
        register_clicks(ptrack.tracker) as clicks,
    ):
        with override_settings(MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"]):
            middleware, async_middleware = WSGIHandler(), ASGIHandler()
        with override_settings(MIDDLEWARE=[]):
            bare, async_bare = WSGIHandler(), ASGIHandler()
        mirror = PtrackASGIMiddleware(async_bare, pixels=())

        # One event loop for all, as a server has it; to make one each time is slow.
        def run(answer: Any) -> Any:
            return runner.run(answer, context=copy_context())

        found = {
            "middleware": send_through_wsgi(middleware),
            "async middleware": send_through_asgi(async_middleware, run),
            "urls": send_through_wsgi(bare),
            "async urls": send_through_asgi(async_bare, run),
            "wsgi": send_through_wsgi(PtrackWSGIMiddleware(bare, pixels=())),
            "asgi": send_through_asgi(mirror, run),
        }
        yield {name: _with_hits(send, recorder, clicks) for name, send in found.items()}


def _with_hits(
    send: Callable[[Request], Any], recorder: Recorder, clicks: Clicks
) -> Send:
    def send_and_look(request: Request) -> Response:
        recorder.forget()
        clicks.forget()
        try:
            answer = send(request)
        finally:
            # Django leaves the mount to the thread, for the next request to change.
            set_script_prefix("/")
        requests = [*recorder.requests, *clicks.requests]
        metas = [_select_sent(each.META, request) for each in requests]
        opens, followed = list(recorder.hits), list(clicks.hits)
        return Response(*answer, opens, followed, metas, requests)

    return send_and_look


def _select_sent(meta: dict[str, Any], request: Request) -> dict[str, str]:
    # Without the method: Django leaves "get" as it is under WSGI, and not under ASGI.
    names = ["SCRIPT_NAME", "QUERY_STRING"]
    if request.path.isascii():
        # Servers and Django write other bytes in several ways.
        names.append("PATH_INFO")
    return {
        name: value
        for name, value in meta.items()
        if name in names or name.startswith("HTTP_")
    }


# -- WSGI -----------------------------------------------------------------------------


def make_environ(request: Request) -> dict[str, Any]:
    """Return the request as PEP 3333 has it: bytes as the characters 0 to 255."""
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
        **dict(map(_to_variable, request.headers)),
    }


def _to_variable(header: tuple[str, str]) -> tuple[str, str]:
    name = header[0].upper().replace("-", "_")
    bare = name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    return (name if bare else f"HTTP_{name}"), header[1]


def send_through_wsgi(app: Any) -> Callable[[Request], Any]:
    """Return a function that sends a request to a WSGI app."""

    def send(request: Request) -> Any:
        started: list[Any] = []

        def start_response(*given: Any) -> None:
            started.append(given)

        answer: Iterable[bytes] = app(make_environ(request), start_response)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        ((status, headers),) = started
        return int(status.split()[0]), headers, body

    return send


# -- ASGI -----------------------------------------------------------------------------


def make_scope(request: Request) -> dict[str, Any]:
    """Return the request as ASGI has it: the path is text, made as uvicorn makes it."""
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


def send_through_asgi(
    app: Any, run: Callable[[Any], Any] = asyncio.run
) -> Callable[[Request], Any]:
    """Return a function that sends a request to an ASGI app.

    Args:
        app: The app.
        run: Runs a coroutine.
    """

    async def asend(request: Request) -> Any:
        incoming = [{"type": "http.request", "body": b"", "more_body": False}]
        outgoing: list[Any] = []

        async def receive() -> Any:
            # After the body comes only the end of the connection, and this one stays.
            return incoming.pop() if incoming else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            outgoing.append(message)

        await app(make_scope(request), receive, send)
        start, *parts = outgoing
        # The specification wants names in lower case, and Django writes them as WSGI.
        headers = [
            (name.decode("latin-1").title(), value.decode("latin-1"))
            for name, value in start["headers"]
        ]
        return start["status"], headers, b"".join(part["body"] for part in parts)

    return lambda request: run(asend(request))
