"""The cost of a stranger's requests: at most two decryptions per key, and no memory.

And nothing goes over the network, at import or at work.
"""

import asyncio
import io
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import SecretBox

from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core.answers import GIF, LINK_NOT_FOUND
from ptrack.core.tokens import MAX_TOKEN_LENGTH, TokenBox
from ptrack.middleware import PtrackMiddleware
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.processes import run_python

pytestmark = pytest.mark.once

SECRET = "s3cret of thirty-two characters!"
KEYS = [SECRET, *(f"earlier {number}" for number in range(3))]
BOX = TokenBox(SECRET)
KIB = 1024


@pytest.fixture(autouse=True)
def four_keys() -> Iterator[None]:
    with override_settings(PTRACK_SECRET_FALLBACKS=KEYS[1:]):
        yield


@contextmanager
def count_decryptions() -> Iterator[list[bytes]]:
    """Yield the list of the sealed bytes of every decryption."""
    found: list[bytes] = []
    real = SecretBox.decrypt

    def count_and_decrypt(
        self: SecretBox, sealed: bytes, *args: Any, **kwargs: Any
    ) -> bytes:
        found.append(sealed)
        return real(self, sealed, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SecretBox, "decrypt", count_and_decrypt)
        yield found


@pytest.fixture
def decryptions() -> Iterator[list[bytes]]:
    with count_decryptions() as found:
        yield found


# -- ways in --------------------------------------------------------------------------


def send_by_wsgi() -> Callable[[str], bytes]:
    app = PtrackWSGIMiddleware(None, secret=SECRET, secret_fallbacks=KEYS[1:])

    def call(token: str) -> bytes:
        path = f"/ptrack/{token}/".encode(errors="surrogatepass").decode("latin-1")
        return b"".join(
            app({"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda *_: None)
        )

    return call


def send_by_asgi() -> Callable[[str], bytes]:
    app = PtrackASGIMiddleware(None, secret=SECRET, secret_fallbacks=KEYS[1:])

    def call(token: str) -> bytes:
        return answer_by_asgi(app, f"/ptrack/{token}/")

    return call


def answer_by_asgi(app: PtrackASGIMiddleware, path: str) -> bytes:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path}
    asyncio.run(app(scope, asyncio.Queue[Any]().get, send))
    body: bytes = sent[-1]["body"]
    return body


def send_by_django() -> Callable[[str], bytes]:
    middleware = PtrackMiddleware(lambda request: None)  # type: ignore[arg-type]

    def call(token: str) -> bytes:
        request = RequestFactory().get("/")
        request.path_info = f"/ptrack/{token}/"
        return middleware(request).content

    return call


def send_by_django_async() -> Callable[[str], bytes]:
    async def get_response(request: Any) -> None:
        """Make the middleware an async one."""

    middleware = PtrackMiddleware(get_response)  # type: ignore[arg-type]

    def call(token: str) -> bytes:
        request = AsyncRequestFactory().get("/")
        request.path_info = f"/ptrack/{token}/"
        return async_to_sync(middleware)(request).content

    return call


WAYS = {
    "wsgi": send_by_wsgi,
    "asgi": send_by_asgi,
    "django": send_by_django,
    "django-async": send_by_django_async,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[str], bytes]:
    return WAYS[request.param]()


# -- decryptions ----------------------------------------------------------------------

FORGED = TokenBox("another").encrypt("a")
NO_TOKENS = {
    "garbage": "garbage",
    "not base64": "." * 64,
    "not ASCII": "é" * 64,
    "surrogate": "\ud800" * 64,
    "too long": "A" * (MAX_TOKEN_LENGTH + 4),
    "far too long": "A" * 1_000_000,
    "authentic, but too long": BOX.encrypt("x" * 5900) + "A" * 4000,
    "padding in the middle": f"{FORGED[:60]}={FORGED[60:62]}",
    "a piece too short": f"{FORGED[:60]}.{FORGED}",
}


@pytest.mark.parametrize("name", NO_TOKENS)
def test_text_that_cannot_be_a_token_is_never_decrypted(
    name, way, decryptions, recorder
):
    assert way(NO_TOKENS[name]) == GIF
    assert decryptions == []
    assert recorder.hits == []


@pytest.mark.parametrize(
    "token",
    [
        FORGED,
        "A" * 8000,
        BOX.encrypt()[:-4],
        "AAAA",
        "",
        f"{FORGED}.",
        f"{FORGED}==)",
        f"{FORGED[:30]}\u200b{FORGED[30:]}",
        f"/{FORGED}/{FORGED}/",
        f"{FORGED} abd",
        FORGED[:-3],
    ],
    ids=range(11),
)
def test_forged_hit_costs_one_decryption_per_key(token, way, decryptions, recorder):
    """Its length doesn't matter, nor damage: text is mended only if it is no token."""
    assert way(token) == GIF
    assert len(decryptions) == len(KEYS)
    assert recorder.hits == []


@pytest.mark.parametrize(
    "token",
    [
        f"{FORGED} text",
        f"{FORGED} more {FORGED}",
        "\n".join(FORGED * 2),
        "A\n" * 4000,
        " ".join([FORGED] * 50),
    ],
    ids=range(5),
)
def test_forged_hit_with_two_ends_costs_two_decryptions_per_key(
    token, way, decryptions, recorder
):
    """Words behind white space may be a part of the token or not."""
    assert way(token) == GIF
    assert len(decryptions) == 2 * len(KEYS)
    assert recorder.hits == []


@pytest.mark.parametrize("token", ["", "garbage", "." * 64, "A" * 9000])
def test_text_that_cannot_be_a_links_token_costs_no_more_than_a_pixels(
    token, way, decryptions, clicks
):
    assert way(f"link/{token}") == LINK_NOT_FOUND.body
    assert len(decryptions) in (0, len(KEYS))
    assert clicks.hits == []


def test_forged_link_costs_one_decryption_per_key(way, decryptions, clicks):
    """A pixel's token is a forgery there: links have keys of their own."""
    for token in (FORGED, BOX.encrypt("https://www.example.com")):
        decryptions.clear()
        assert way(f"link/{token}") == LINK_NOT_FOUND.body
        assert len(decryptions) == len(KEYS)
    assert clicks.hits == []


@pytest.mark.parametrize("age", range(len(KEYS)))
def test_hit_costs_no_decryption_beyond_its_own_key(age, way, decryptions, recorder):
    assert way(TokenBox(KEYS[age]).encrypt("a")) == GIF
    assert len(decryptions) == age + 1
    assert recorder.hits == [(("a",), {})]


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "get\r\nX: y", ""])
def test_method_that_cannot_hit_costs_no_decryption(method, decryptions):
    app = PtrackWSGIMiddleware(None, secret=SECRET)
    token = BOX.encrypt("a")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": f"/ptrack/{token}/"}
    app(environ, lambda *_: None)
    assert decryptions == []


ALPHABET = st.text("ABQgw048-_", min_size=60, max_size=90)
DAMAGES = st.sampled_from(
    [
        "",
        "=",
        "==",
        ".",
        " ",
        "\n> ",
        "=\r\n",
        "=3D",
        "/",
        "//",
        "\u200b",
        "%20",
        "https:",
    ]
)
GARBAGE = st.lists(ALPHABET | DAMAGES | st.text(max_size=5), max_size=8).map("".join)


@given(
    method=st.sampled_from(["GET", "HEAD"]),
    kind=st.sampled_from(["", "link/"]),
    garbage=GARBAGE,
    secrets=st.integers(1, 4),
)
def test_garbage_of_any_kind_costs_at_most_two_decryptions_per_key(
    method: str, kind: str, garbage: str, secrets: int
):
    app = PtrackWSGIMiddleware(
        None, secret=SECRET, secret_fallbacks=KEYS[1:secrets], pixels=()
    )
    path = f"/ptrack/{kind}{garbage}".encode().decode("latin-1")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
    with count_decryptions() as decryptions:
        app(environ, lambda *_: None)
    assert len(decryptions) in (0, secrets, 2 * secrets)


# -- memory ---------------------------------------------------------------------------


@pytest.fixture
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """Log nothing at DEBUG, as a site does: captured text would count as memory.

    That text grows with every call, and it isn't equally long in every run: a test
    that measures a few KiB would pass today and fail tomorrow.
    """
    caplog.set_level(logging.INFO, logger="ptrack")


def measure_peak(call: Callable[[], object]) -> int:
    """Return the bytes that a call has at most, beyond those before it.

    The least of several measurements counts, as other work of the process adds to it.
    """
    call()
    return min(_measure_once(call) for _ in range(5))


def _measure_once(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("unlogged")
@pytest.mark.parametrize("char", ["A", ".", "=", "/", "%", "é", "日"])
def test_memory_does_not_grow_with_the_path(char: str):
    """At most 10,000 characters are looked at, of any kind."""
    app = PtrackWSGIMiddleware(None, secret=SECRET)

    def request(size: int) -> Callable[[], object]:
        path = "/ptrack/" + (char * size).encode().decode("latin-1")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        return lambda: app(environ, lambda *_: None)

    at_the_limit = measure_peak(request(10_000))
    assert measure_peak(request(1_000_000)) < at_the_limit + KIB
    assert at_the_limit < 10 * MAX_TOKEN_LENGTH


@pytest.mark.usefixtures("unlogged")
@pytest.mark.parametrize("char", ["A", ".", "é", "日"])
def test_memory_does_not_grow_with_the_path_under_asgi(char: str):
    app = PtrackASGIMiddleware(None, secret=SECRET)

    def request(size: int) -> Callable[[], object]:
        path = f"/ptrack/{char * size}"
        return lambda: answer_by_asgi(app, path)

    assert measure_peak(request(1_000_000)) < measure_peak(request(10_000)) + KIB


@pytest.mark.usefixtures("unlogged")
@pytest.mark.parametrize("char", ["A", ".", "é", "日"])
def test_memory_does_not_grow_with_the_path_under_django(char: str):
    middleware = PtrackMiddleware(lambda request: None)  # type: ignore[arg-type]

    def hit(size: int) -> Callable[[], object]:
        request = RequestFactory().get("/")
        request.path_info = f"/ptrack/{char * size}/"
        return lambda: middleware(request)

    assert measure_peak(hit(1_000_000)) < measure_peak(hit(10_000)) + KIB


@pytest.mark.usefixtures("unlogged")
def test_neither_body_nor_query_nor_headers_are_looked_at():
    """A forged request with much of all three costs as little as one without."""

    class Unread(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            raise AssertionError("the body was read")

    app = PtrackWSGIMiddleware(None, secret=SECRET)
    bare = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/ptrack/{FORGED}/"}
    full = {
        **bare,
        "QUERY_STRING": "x=y&" * 100_000,
        "CONTENT_LENGTH": "1000000000000",
        "wsgi.input": Unread(),
        **{f"HTTP_X_{number}": "x" * 10_000 for number in range(1_000)},
    }
    calls = {
        name: lambda environ=environ: app(environ, lambda *_: None)
        for name, environ in {"bare": bare, "full": full}.items()
    }
    assert measure_peak(calls["full"]) < measure_peak(calls["bare"]) + KIB


# -- the network ----------------------------------------------------------------------

BLOCKED = """
import sys

def hook(event, args):
    if event.startswith("socket.") and event not in ("socket.__new__",):
        raise RuntimeError(f"{event} {args}")
sys.addaudithook(hook)
"""
HIT = """
import ptrack, ptrack.wsgi
seen = []

@ptrack.tracker.register
class Kept(ptrack.TrackingPixel):
    def record(self, request, *args): seen.append(args)

tracking = ptrack.wsgi.PtrackWSGIMiddleware(None)
path = ptrack.pixel_url("a").removeprefix("https://www.example.com")
ptrack.pixel_tag("a")
for each in (path, "/ptrack/garbage/"):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": each}
    assert list(tracking(environ, lambda *_: None))
assert seen == [("a",)]
"""
HIT_OF_DJANGO = """
import django
django.setup()
from django.core.management import call_command
from django.template import engines
from django.test import Client
call_command("check")
source = "{% load ptrack %}{% ptrack 'b' %}"
engines["django"].from_string(source).render()
seen.clear()
assert Client().get(path).status_code == 200
assert seen == [("a",)]
"""


def test_nothing_goes_over_the_network_outside_django():
    run_python(
        BLOCKED + HIT,
        PTRACK_SECRET=SECRET,
        PTRACK_APP_URL="https://www.example.com",
    )


def test_nothing_goes_over_the_network_under_django():
    """Import, checks, rendering and a hit; the last lines show that the guard works."""
    out = run_python(
        BLOCKED
        + HIT
        + HIT_OF_DJANGO
        + "import socket\n"
        + "for call in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        + "             lambda: socket.getaddrinfo('localhost', 80)):\n"
        + "    try: call()\n"
        + "    except RuntimeError as error: print(str(error).split()[0])\n",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
    assert out.splitlines()[1:] == ["socket.getaddrinfo"] * 2
