"""ptrack.core.values: values that tokens carry, there and back, and those refused."""

import datetime
import decimal
import enum
import math
from collections import Counter, OrderedDict, UserString, namedtuple
from typing import Any

import pytest
from django.db import models
from django.utils.functional import lazy
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from ptrack.core.tokens import TokenBox
from ptrack.core.values import MAX_DEPTH, encode_values

BOX = TokenBox("s3cret")


class Colour(models.TextChoices):
    RED = "r", "Red"


class Size(models.IntegerChoices):
    BIG = 2, "Big"


class Float(float):
    pass


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ü🙂\x00\n\u2028",
        "\ud800",
        0,
        -(10**30),
        0.1,
        1e300,
        -0.0,
        True,
        False,
        None,
        [],
        {},
        [1, [2, [None, {"a": [True]}]]],
        {"a": {"b": {"": "\ud800"}}},
        mark_safe("safe"),
        Colour.RED,
        Size.BIG,
        Float(1.5),
        OrderedDict(a=1),
        Counter("aab"),
        {mark_safe("key"): mark_safe("value")},
    ],
)
def test_value_that_json_holds_exactly_reads_back_equal(value):
    args, kwargs = BOX.decrypt(BOX.encrypt(value, key=value))
    assert args == [value]
    assert kwargs == {"key": value}
    assert isinstance(args[0], type(value)) or isinstance(value, type(args[0]))


@pytest.mark.parametrize(
    "value",
    [gettext_lazy("Monday"), UserString("Monday"), lazy(lambda: "Monday", str)()],
)
def test_lazy_text_is_carried_as_its_text(value):
    args, kwargs = BOX.decrypt(BOX.encrypt(value, deep=[{"k": value}]))
    assert (args, kwargs) == (["Monday"], {"deep": [{"k": "Monday"}]})
    assert type(args[0]) is str


class Opaque:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Hostile(str):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = str.__hash__


class Pair(list[Any]):
    """A list that is equal to no other list."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pair)

    __hash__ = None


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime.date(2026, 1, 1), "date"),
        (decimal.Decimal("1.10"), "Decimal"),
        ({1, 2}, "set"),
        ((1, 2), "tuple"),
        (Point(1, 2), "Point"),
        (b"bytes", "bytes"),
        (object(), "object"),
        (enum.Enum("E", "A").A, "E"),
        (lazy(lambda: [1], list)(), "__proxy__"),
        (Opaque(), "Opaque"),
        (Hostile("x"), "Hostile"),
        (Pair([1]), "Pair"),
        ({"a": Pair([1])}, "Pair"),
        ([[1], {"a": {"b": [None, {1}]}}], "set"),
        ([1, {"a": (1,)}], "tuple"),
        ({1: "a"}, "int"),
        ({"a": {None: "a"}}, "NoneType"),
    ],
)
def test_value_that_would_read_back_different_is_refused_by_name_and_type(value, kind):
    with pytest.raises(TypeError, match=rf"positional argument 2 .*\b{kind}\b"):
        BOX.encrypt("fine", value)
    with pytest.raises(TypeError, match=rf"keyword argument 'sent' .*\b{kind}\b"):
        BOX.encrypt(fine=1, sent=value)


def make_circular() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        Float("nan"),
        Float("-inf"),
        [-math.inf],
        "\ud83d\ude00",
        ["\ud83d\ude00"],
        mark_safe("\ud83d\ude00"),
        {"\ud83d\ude00": 1},
        make_circular(),
        pytest.param(10**5000, id="huge"),
    ],
)
def test_value_that_json_cannot_hold_is_refused_by_name_and_type(value):
    kind = type(value).__name__
    with pytest.raises(ValueError, match=rf"positional argument 2 of type {kind}"):
        BOX.encrypt("fine", value)
    with pytest.raises(ValueError, match=rf"keyword argument 'k' of type {kind}"):
        BOX.encrypt(fine=1, k=value)


def test_name_of_a_keyword_that_would_read_back_different_is_refused():
    with pytest.raises(ValueError, match="the name of keyword argument"):
        BOX.encrypt(**{"\ud83d\ude00": 1})


def test_nesting_is_bounded():
    deep: Any = "bottom"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert BOX.decrypt(BOX.encrypt(deep)) == ([deep], {})
    with pytest.raises(ValueError, match="deeper than"):
        BOX.encrypt([deep])


def test_text_of_a_template_literal_is_carried():
    assert BOX.decrypt(BOX.encrypt(SafeString("x"))) == (["x"], {})


def test_error_names_the_innermost_value_and_its_argument_and_shows_neither():
    with pytest.raises(TypeError) as caught:
        BOX.encrypt("fine", {"list": ["fine", {"key": b"carried"}]})
    assert str(caught.value) == (
        "ptrack can't carry positional argument 2 of type dict: bytes isn't one of "
        "JSON's types (str, int, float, bool, None, list, dict with str keys) and "
        "would read back different; convert it, for example with str(), isoformat() "
        "or list()"
    )
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_first_bad_argument_is_named():
    with pytest.raises(TypeError, match="positional argument 2 of type set"):
        BOX.encrypt(1, {2}, (3,), four={4})
    with pytest.raises(TypeError, match="keyword argument 'two' of type tuple"):
        BOX.encrypt(one=1, two=(2,), three={3})


# -- the bytes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("é🙂", '"é🙂"'),
        ('\x00\n"', r'"\u0000\n\""'),
        ([1.0, 1, True, None, -0.0, 1e300], "[1.0,1,true,null,-0.0,1e+300]"),
        ({"ü": {}, "a": [[]]}, '{"ü":{},"a":[[]]}'),
        ("é\ud800", r'"\u00e9\ud800"'),
        (gettext_lazy("Monday"), '"Monday"'),
        # More brackets than nesting is allowed for, and no deep nesting.
        ([["é"]] * MAX_DEPTH, "[" + ",".join(['["é"]'] * MAX_DEPTH) + "]"),
        ("é[" * MAX_DEPTH, '"' + "é[" * MAX_DEPTH + '"'),
    ],
    ids=range(8),
)
def test_values_are_written_as_compact_json_in_utf_8(value, written):
    """There are escapes only where UTF-8 can't hold the text."""
    assert encode_values((value,), {}) == f"[[{written}],{{}}]".encode()
    assert encode_values((), {"k": value}) == f'[[],{{"k":{written}}}]'.encode()
