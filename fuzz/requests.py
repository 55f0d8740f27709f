"""Any request, through the Django middleware and the WSGI middleware.

The fuzzer's bytes are lines: the method, the path, the query, then headers. Method and
path are percent-decoded, as a server does; between ``<`` and ``>`` the path holds what
`fuzz.inputs` makes a token of.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote_to_bytes

from django.test import override_settings

from fuzz import inputs
from fuzz.inputs import SECRETS
from ptrack.pixel import METHOD_NOT_ALLOWED, PIXEL, PIXEL_HEAD
from tests.adapters import PREFIX, Hit, Request, Response, adapters
from tests.reference import opened

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
    answer = {"GET": PIXEL, "HEAD": PIXEL_HEAD}.get(method, METHOD_NOT_ALLOWED)
    assert (got.status, got.body) == (answer.status, answer.body), got
    assert got.headers == list(answer.headers), got
    assert repr(got.hits) == repr(_due(method, request.path)), got


def _due(method: str, path: bytes) -> list[Hit]:
    token = path.removeprefix(PREFIX).removesuffix(b"/")
    hit = opened(token, SECRETS) if method == "GET" else None
    return [] if hit is None else [(tuple(hit[0]), hit[1])]


def mutated(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change what is to become the token, every other time, else any of it."""
    found = _TOKEN.search(data)
    if found is None or seed % 2:
        return plain(data)
    token = inputs.mutated(found[1], seed // 2, plain)
    return data[: found.start(1)] + token + data[found.end(1) :]
