"""Any request, through the Django middleware and the WSGI middleware.

The fuzzer's bytes are lines: the method, the path, the query, then headers. Method and
path are percent-decoded, as a server does; `tools.fuzz.inputs` makes a token of the
part of the path between ``<`` and ``>``.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from django.test import override_settings

from ptrack.core.answers import LINK_NOT_FOUND, PIXEL_IMAGE, Answer, drop_body
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.links import check_target
from tests.adapters import PREFIX, Click, Hit, Request, Response, open_adapters
from tests.reference import (
    FOREIGN,
    Key,
    find_damaged,
    make_key,
    make_link_key,
    open_arguments,
)
from tools.fuzz import inputs
from tools.fuzz.inputs import SECRETS

ADAPTERS = ("middleware", "wsgi")

IMAGES = {"GET": PIXEL_IMAGE, "HEAD": drop_body(PIXEL_IMAGE)}
NOT_FOUND = {"GET": LINK_NOT_FOUND, "HEAD": drop_body(LINK_NOT_FOUND)}

_LINK_FRONT = re.compile(FOREIGN + FOREIGN.join([b"l", b"i", b"n", b"k", b"/"]))
_TOKEN = re.compile(rb"<(.*)>", re.DOTALL)


@contextmanager
def prepare() -> Iterator[Callable[[bytes], None]]:
    """Yield a function of the fuzzer's bytes that raises if a rule is broken."""
    with (
        override_settings(
            PTRACK_SECRET=SECRETS[0], PTRACK_SECRET_FALLBACKS=SECRETS[1:]
        ),
        open_adapters() as sends,
    ):

        def check(data: bytes) -> None:
            request = make_request(data)
            for name in ADAPTERS:
                _check_response(request, sends[name](request))

        yield check


def make_request(data: bytes) -> Request:
    """Return the request that the fuzzer's bytes stand for."""
    method, path, query, *headers = *data.split(b"\n"), b"", b""
    return Request(
        unquote_to_bytes(method).decode("latin-1"),
        unquote_to_bytes(_TOKEN.sub(lambda found: inputs.make_token(found[1]), path)),
        query,
        tuple(_read_header(line) for line in headers if line),
    )


def _read_header(line: bytes) -> tuple[str, str]:
    # No server lets NUL through (RFC 9110, section 5.5), and Django fails at one.
    name, _, value = line.replace(b"\0", b"").decode("latin-1").partition(":")
    return name, value.strip()


def _check_response(request: Request, got: Response) -> None:
    if not request.path.startswith(PREFIX):
        assert got.status in (200, 404), got
        assert not got.hits, got
        return
    method = request.method.upper()
    token = request.path.removeprefix(PREFIX).removesuffix(b"/")
    front = _LINK_FRONT.match(token)
    is_link = token.startswith(b"link/")
    if front is not None and not is_link and b"/" in token:
        # Only some characters before or in "link/" may be left out.
        is_link = got.status == 404 or bool(got.clicks) or _names_link(got)
        token = token[front.end() :] if is_link else token
    else:
        token = token.removeprefix(b"link/")
    if method not in ("GET", "HEAD"):
        assert _is(got, (LINK if is_link else PIXEL).not_allowed), got
        assert not got.hits, got
        assert not got.clicks, got
    elif is_link:
        _check_link(method, token, got)
    else:
        _check_pixel(method, token, got)


def _names_link(got: Response) -> bool:
    """Return whether a response without a call is a link's."""
    return got.status == 302 or _is(got, LINK.not_allowed)


def _is(got: Response, answer: Answer) -> bool:
    expected = (answer.status, list(answer.headers), answer.body)
    return (got.status, got.headers, got.body) == expected


def _check_pixel(method: str, token: bytes, got: Response) -> None:
    hit = _read(token, bool(got.hits)) if method == "GET" else None
    due: list[Hit] = [] if hit is None else [(tuple(hit[0]), hit[1])]
    assert _is(got, IMAGES[method]), got
    assert repr(got.hits) == repr(due), got
    assert not got.clicks, got


def _read(token: bytes, is_hit: bool, make_key: Key = make_key) -> Any:
    """Return the content of a token, or of a damaged one that led to a hit."""
    content = open_arguments(token, SECRETS, make_key)
    if content is None and is_hit:
        return find_damaged(token, SECRETS, make_key)
    return content


def _check_link(method: str, token: bytes, got: Response) -> None:
    is_hit = got.status == 302
    click = _read_click(_read(token, is_hit, make_link_key))
    due = [] if click is None or method == "HEAD" else [click]
    assert repr(got.clicks) == repr(due), got
    assert not got.hits, got
    if click is None:
        assert _is(got, NOT_FOUND[method]), got
    else:
        location = dict(got.headers)["Location"]
        assert (got.status, got.body) == (302, b""), got
        assert re.fullmatch("[!-~]+", location), got
        assert unquote(location) == unquote(click[0]), got


def _read_click(content: Any) -> Click | None:
    try:
        *args, url = content[0]
        check_target(url)
    except (TypeError, ValueError):
        return None
    return url, tuple(args), content[1]


def mutate(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change the part for the token every other time, else all of it."""
    found = _TOKEN.search(data)
    if found is None or seed % 2:
        return plain(data)
    token = inputs.mutate(found[1], seed // 2, plain)
    return data[: found.start(1)] + token + data[found.end(1) :]
