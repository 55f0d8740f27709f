"""Any request, through the Django middleware and the WSGI middleware.

The fuzzer's bytes are lines: the method, the path, the query, then headers. Method and
path are percent-decoded, as a server does; between ``<`` and ``>`` the path holds what
`fuzz.inputs` makes a token of.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from django.test import override_settings

from tools.fuzz import inputs
from tools.fuzz.inputs import SECRETS
from ptrack.core.answers import METHOD_NOT_ALLOWED, PIXEL, PIXEL_HEAD, Answer
from ptrack.core.links import LINK_NOT_FOUND, check_target
from tests.adapters import PREFIX, Click, Hit, Request, Response, adapters
from tests.reference import link_key_of, opened

ADAPTERS = ("middleware", "wsgi")

_TOKEN = re.compile(rb"<(.*)>", re.DOTALL)


@contextmanager
def checks() -> Iterator[Callable[[bytes], None]]:
    """Give the function that takes the fuzzer's bytes, and raises if all isn't well."""
    with (
        override_settings(
            PTRACK_SECRET=SECRETS[0], PTRACK_SECRET_FALLBACKS=SECRETS[1:]
        ),
        adapters() as sends,
    ):

        def check(data: bytes) -> None:
            request = request_of(data)
            for name in ADAPTERS:
                _check_response(request, sends[name](request))

        yield check


def request_of(data: bytes) -> Request:
    """Give the request that the fuzzer's bytes stand for."""
    method, path, query, *headers = *data.split(b"\n"), b"", b""
    return Request(
        unquote_to_bytes(method).decode("latin-1"),
        unquote_to_bytes(_TOKEN.sub(lambda found: inputs.token_of(found[1]), path)),
        query,
        tuple(_header(line) for line in headers if line),
    )


def _header(line: bytes) -> tuple[str, str]:
    # No server lets NUL through (RFC 9110, section 5.5), and Django trips over one.
    name, _, value = line.replace(b"\0", b"").decode("latin-1").partition(":")
    return name, value.strip()


def _check_response(request: Request, got: Response) -> None:
    if not request.path.startswith(PREFIX):
        assert got.status in (200, 404), got
        assert not got.hits, got
        return
    method = request.method.upper()
    if method not in ("GET", "HEAD"):
        assert _is(got, METHOD_NOT_ALLOWED), got
        assert not got.hits, got
        assert not got.clicks, got
    elif _segments(request.path).startswith(b"link/"):
        _check_link(method, _segments(request.path).removeprefix(b"link/"), got)
    else:
        _check_pixel(method, _segments(request.path), got)


def _segments(path: bytes) -> bytes:
    return path.removeprefix(PREFIX).removesuffix(b"/")


def _is(got: Response, answer: Answer) -> bool:
    expected = (answer.status, list(answer.headers), answer.body)
    return (got.status, got.headers, got.body) == expected


def _check_pixel(method: str, token: bytes, got: Response) -> None:
    hit = opened(token, SECRETS) if method == "GET" else None
    due: list[Hit] = [] if hit is None else [(tuple(hit[0]), hit[1])]
    assert _is(got, PIXEL if method == "GET" else PIXEL_HEAD), got
    assert repr(got.hits) == repr(due), got
    assert not got.clicks, got


def _check_link(method: str, token: bytes, got: Response) -> None:
    click = _click(opened(token, SECRETS, link_key_of))
    due = [] if click is None or method == "HEAD" else [click]
    assert repr(got.clicks) == repr(due), got
    assert not got.hits, got
    if click is None:
        headers, body = list(LINK_NOT_FOUND.headers), LINK_NOT_FOUND.body
        assert (got.status, got.headers) == (LINK_NOT_FOUND.status, headers), got
        assert got.body == (body if method == "GET" else b""), got
    else:
        location = dict(got.headers)["Location"]
        assert (got.status, got.body) == (302, b""), got
        assert re.fullmatch("[!-~]+", location), got
        assert unquote(location) == unquote(click[0]), got


def _click(content: Any) -> Click | None:
    try:
        *args, url = content[0]
        check_target(url)
    except (TypeError, ValueError):
        return None
    return url, tuple(args), content[1]


def mutated(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change what is to become the token, every other time, else any of it."""
    found = _TOKEN.search(data)
    if found is None or seed % 2:
        return plain(data)
    token = inputs.mutated(found[1], seed // 2, plain)
    return data[: found.start(1)] + token + data[found.end(1) :]
