"""An encoder of one's own: whatever it does, every request gets an answer."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from itertools import count, repeat
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ptrack.core.answers import PIXEL_IMAGE
from ptrack.core.endpoint import MAX_ARGUMENTS, Carried
from ptrack.core.kinds import LINK, PIXEL
from tests.core.endpoints import (
    HOST,
    CommaEncoder,
    answer_async,
    either_way,
    make_endpoint,
)
from tests.recording import register_clicks, register_recorder

TARGET = "https://shop.example/"

each_kind = pytest.mark.parametrize(
    ("kind", "target"), [(PIXEL, None), (LINK, TARGET)], ids=["pixel", "link"]
)

# -- reading --------------------------------------------------------------------------


class Sealed:
    """A mapping that keeps to no more than ``keys`` and ``[]``, as ``**`` does."""

    def keys(self) -> Any:
        return iter(["k"])

    def __getitem__(self, name: str) -> Any:
        return 1


class Liar(list[Any]):
    """A list that says that it is longer than any memory."""

    def __len__(self) -> int:
        return sys.maxsize


def make_decrypting(decrypt: Callable[[], Any]) -> Any:
    """Return an encoder that returns the same for every token."""

    class Encoder(CommaEncoder):
        @staticmethod
        def decrypt(token: str) -> Any:
            return decrypt()

    return Encoder


@pytest.mark.parametrize(
    "decrypted",
    [
        lambda: (Liar(["a"]), {"k": 1}),
        lambda: (iter(["a"]), Sealed()),
        lambda: ((each for each in "a"), MappingProxyType({"k": 1})),
        lambda: iter([["a"], {"k": 1}]),
    ],
    ids=["length", "keys", "generator", "iterator"],
)
@either_way
def test_every_callback_gets_all_arguments_of_a_custom_encoder(answer, decrypted):
    place = make_endpoint(make_decrypting(decrypted))
    assert place.read("x") == Carried(PIXEL, ("a",), {"k": 1}, None)
    with (
        register_recorder(place.tracker) as first,
        register_recorder(place.tracker) as second,
    ):
        answer(place, "GET", "x")
    assert first.hits == second.hits == [(("a",), {"k": 1})]


def fail(error: BaseException) -> Any:
    raise error


def yield_and_fail(error: BaseException) -> Iterator[str]:
    yield "a"
    raise error


class Hostile:
    """An object of which everything fails that reading arguments needs."""

    def __init__(self, error: BaseException) -> None:
        self.__dict__["error"] = error

    def __iter__(self) -> Any:
        raise self.error

    keys = __len__ = __iter__

    def __getitem__(self, name: object) -> Any:
        raise self.error


class HostileItems(Sealed):
    def __getitem__(self, name: str) -> Any:
        raise GeneratorExit


class Endless(Sealed):
    def keys(self) -> Any:
        return map(str, count())


NOT_OURS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "empty": lambda: (),
    "three": lambda: ([], {}, None),
    "text": lambda: "ab",
    "endless": lambda: repeat(()),
    "dict": lambda: {"args": [], "kwargs": {}},
    "args: none": lambda: (None, {}),
    "args: text": lambda: ("ab", {}),
    "args: bytes": lambda: (b"ab", {}),
    "args: dict": lambda: ({"a": 1}, {}),
    "args: number": lambda: (1, {}),
    "args: endless": lambda: (count(), {}),
    "args: too many": lambda: (range(MAX_ARGUMENTS + 1), {}),
    "args: failing later": lambda: (yield_and_fail(KeyError()), {}),
    "args: exiting later": lambda: (yield_and_fail(GeneratorExit()), {}),
    "args: cancelling": lambda: (yield_and_fail(asyncio.CancelledError()), {}),
    "args: hostile": lambda: (Hostile(GeneratorExit()), {}),
    "kwargs: none": lambda: ([], None),
    "kwargs: pairs": lambda: ([], [("k", 1)]),
    "kwargs: text": lambda: ([], "ab"),
    "kwargs: names": lambda: ([], {1: 2}),
    "kwargs: bytes": lambda: ([], {b"k": 2}),
    "kwargs: endless": lambda: ([], Endless()),
    "kwargs: hostile": lambda: ([], Hostile(GeneratorExit())),
    "kwargs: hostile items": lambda: ([], HostileItems()),
    "RecursionError": lambda: fail(RecursionError()),
    "GeneratorExit": lambda: fail(GeneratorExit()),
    "CancelledError": lambda: fail(asyncio.CancelledError()),
    "BaseException": lambda: fail(BaseException()),
}


@pytest.mark.parametrize("decrypted", NOT_OURS.values(), ids=NOT_OURS)
@pytest.mark.parametrize("token", ["x", "link/x"])
@either_way
def test_anything_else_that_a_custom_encoder_returns_or_raises_is_no_token(
    answer, token: str, decrypted, caplog
):
    place = make_endpoint(make_decrypting(decrypted))
    with (
        register_recorder(place.tracker) as opens,
        register_clicks(place.tracker) as clicks,
    ):
        given = answer(place, "GET", token)
    assert given is (PIXEL_IMAGE if token == "x" else LINK.unreadable["GET"])
    assert (opens.hits, clicks.hits) == ([], [])
    assert place.read(token) is None
    assert place.read_url(f"{HOST}/ptrack/{token}/") is None
    # A task of another test can be collected here, which asyncio logs.
    ours = [record for record in caplog.records if record.name == "ptrack"]
    assert {record.levelno for record in ours} == {logging.DEBUG}


def test_custom_encoder_may_return_as_many_arguments_as_the_bound():
    place = make_endpoint(make_decrypting(lambda: (range(MAX_ARGUMENTS), {})))
    assert len(place.read("x").args) == MAX_ARGUMENTS


def test_exit_of_a_custom_encoder_under_an_event_loop_is_no_token():
    """In the main thread of a sync server it goes on, as that of a callback does."""
    place = make_endpoint(make_decrypting(lambda: fail(SystemExit())))
    assert answer_async(place, "GET", "x") is PIXEL_IMAGE
    with pytest.raises(SystemExit):
        place.read("x")


# -- rendering ------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("token", [None, b"token", 1, ["token"], object()])
def test_token_of_a_custom_encoder_that_is_no_text_is_an_error(kind, target, token):
    with pytest.raises(
        TypeError, match=r"The encoder returned .*: a token must be str"
    ):
        make_endpoint(make_encrypting(token)).url(kind, ["a"], {}, target)


def make_encrypting(token: Any) -> Any:
    class Encoder(CommaEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> Any:
            return token

    return Encoder


@pytest.mark.parametrize("suffix", ["/", ""])
@pytest.mark.parametrize("token", ["..", ".", "a/../b", "a/.", "./a", "../../x"])
def test_token_that_clients_would_resolve_is_an_error(token: str, suffix: str):
    """RFC 3986, section 5.2.4, and browsers do it for %2E too."""
    place = make_endpoint(make_encrypting(token), suffix=suffix)
    with pytest.raises(ValueError, match="a part of dots alone"):
        place.url(PIXEL, [], {})


@pytest.mark.parametrize("token", ["a/b", "/a", "a//b", "a..b", "...", "%2E", "", "é"])
def test_token_that_reads_back_is_no_error(token: str):
    found: list[str] = []

    class Encoder(CommaEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> Any:
            return token

        @staticmethod
        def decrypt(token: str) -> Any:
            found.append(token)
            return [], {}

    place = make_endpoint(Encoder)
    path = unquote(urlsplit(place.url(PIXEL, [], {})).path)
    place.read(place.match(path))
    assert found == [token]


def test_token_of_a_pixel_that_would_pass_for_a_link_is_an_error():
    place = make_endpoint(make_encrypting("link/token"))
    with pytest.raises(ValueError, match="starts as another kind's"):
        place.url(PIXEL, [], {})
    assert place.url(LINK, [], {}, TARGET) == f"{HOST}/ptrack/link/link/token/"


def test_token_that_no_url_can_hold_is_an_error_that_does_not_show_it():
    place = make_endpoint(make_encrypting("secret-\ud800"))
    with pytest.raises(ValueError, match="UTF-8 can't hold") as caught:
        place.url(PIXEL, [], {})
    assert "secret" not in repr(caught.value)
    assert caught.value.__context__ is None


@each_kind
def test_error_of_a_custom_encoder_is_the_renderers(kind, target):
    class Encoder(CommaEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> Any:
            raise LookupError("no key")

    with pytest.raises(LookupError, match="no key"):
        make_endpoint(Encoder).url(kind, [], {}, target)
