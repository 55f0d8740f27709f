"""Nothing of a request reaches a header of the answer, or a log line unescaped."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ptrack
from ptrack.core.answers import PIXEL_IMAGE
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from tests import strategies as some
from tests.adapters import PREFIX, Request, Send
from tests.reference import seal, spell
from tests.settings import PTRACK_SECRET

EVIL = (
    "evil\r\nSet-Cookie: a=b\r\n\r\n<script>"
    "\x1b[2J\x1b]0;t\x07\x00\x85\u2028\u202e%s%(a)s{0}"
)
LATIN = EVIL.encode().decode("latin-1")
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Yield the text of a log as a site would have it, with all that ptrack logs."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter(FORMAT, datefmt="AT"))
    logger = logging.getLogger("ptrack")
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)


def read_records(log: io.StringIO) -> list[str]:
    """Return the records of a log, if nothing else is in it.

    It is split at every character that any reader takes for a line break.
    """
    lines = log.getvalue().splitlines()
    for line in lines:
        assert line.isprintable(), line
        # Text of a request comes later in a line that begins with something else.
        assert re.match(r"AT |Traceback |  |which led to:|\w+Error: ", line), line
    return [line for line in lines if line.startswith("AT ")]


def make_path(*args: Any, **kwargs: Any) -> bytes:
    token = TokenBox(PTRACK_SECRET).encrypt(*args, **kwargs)
    return PREFIX + token.encode() + b"/"


REQUESTS = {
    "path": Request(path=PREFIX + EVIL.encode()),
    "token": Request(path=make_path()[:-1] + EVIL.encode()),
    "method": Request(LATIN, PREFIX + b"x"),
    "query": Request(path=make_path(), query=b"%0d%0aSet-Cookie:%20a=b"),
    "header": Request(
        path=make_path(),
        headers=tuple(
            (name, LATIN)
            for name in ("User-Agent", "X-Forwarded-Host", "Referer", "Origin", "X-A")
        ),
    ),
    "argument": Request(path=make_path(EVIL, [EVIL])),
    "keyword": Request(path=make_path(**{EVIL: EVIL})),
    "no hit": Request(path=PREFIX + spell(seal(EVIL.encode(), PTRACK_SECRET)).encode()),
}


@pytest.mark.parametrize("place", REQUESTS)
def test_answer_has_its_own_headers_alone(sends: dict[str, Send], place: str, log):
    expected = PIXEL.not_allowed if place == "method" else PIXEL_IMAGE
    for name, send in sends.items():
        got = send(REQUESTS[place])
        assert got.headers == list(expected.headers), name
        assert got.body == expected.body, name
    assert not any("evil" in record for record in read_records(log))


def make_quoting(exception: type[Exception]) -> type[ptrack.TrackingPixel]:
    """Return a callback that fails with all its arguments, as a careless one might."""

    class Quoting(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            quoted = [request.META["PATH_INFO"], *args, *kwargs, *kwargs.values()]
            try:
                raise LookupError(request.META.get("HTTP_USER_AGENT"))
            except LookupError as error:
                raise exception("\n".join(map(str, quoted))) from error

    return Quoting


def make_quoting_async() -> type[ptrack.TrackingPixel]:
    class Quoting(ptrack.TrackingPixel):
        async def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError(f"{request.META} {args} {kwargs}\n{EVIL}")

    return Quoting


def make_picky() -> type[ptrack.TrackingPixel]:
    """Return a callback whose call fails: Python's error has the keyword as it is."""

    class Picky(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any) -> None:
            raise AssertionError("never called with keywords")

    return Picky


@pytest.mark.parametrize(
    "callback",
    [
        make_quoting(ValueError),
        make_quoting(KeyError),
        make_quoting(SyntaxError),
        make_quoting_async(),
        make_picky(),
    ],
    ids=["ValueError", "KeyError", "SyntaxError", "async", "keyword"],
)
def test_exception_of_a_callback_is_logged_with_its_text_escaped(
    sends: dict[str, Send], callback: Any, log
):
    request = Request(
        path=make_path(EVIL, **{EVIL: EVIL}), headers=(("User-Agent", LATIN),)
    )
    ptrack.tracker.register(callback)
    try:
        for name, send in sends.items():
            assert send(request).headers == list(PIXEL_IMAGE.headers), name
    finally:
        ptrack.tracker.unregister(callback)
    logged = read_records(log)
    assert len(logged) == len(sends)
    assert all(" ERROR ptrack Callback " in record for record in logged)
    assert log.getvalue().count("evil") >= len(sends)


class Careless:
    """An encoder of a project's own, whose errors quote the token."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return args[0]

    @staticmethod
    def decrypt(token: str) -> Any:
        raise ValueError(f"%s {token}")


def test_exception_of_another_encoder_is_logged_without_its_text(
    sends: dict[str, Send], log
):
    ptrack.ptrack_encoder = Careless
    for send in sends.values():
        assert send(REQUESTS["path"]).headers == list(PIXEL_IMAGE.headers)
    assert read_records(log) == ["AT DEBUG ptrack Not a token: ValueError"] * len(sends)


def test_url_of_another_encoders_token_has_it_quoted(log):
    """No token can end the URL or the element."""
    ptrack.ptrack_encoder = Careless
    url = ptrack.pixel_url(EVIL)
    assert url.isascii()
    assert url.isprintable()
    assert not set(url) & set(' <>"\\^`{}|')
    assert ptrack.pixel_tag(EVIL).count("<") == 1


@given(name=st.text(st.characters(exclude_categories=())), value=some.unfit_values)
def test_errors_that_name_an_argument_are_one_printable_line(name, value):
    """The name of a keyword may be any text."""
    with pytest.raises((TypeError, ValueError)) as caught:
        ptrack.pixel_url(**{name: value})
    assert str(caught.value).isprintable()
