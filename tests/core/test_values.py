"""ptrack.core.values: what a token may carry, there and back, and what it refuses."""

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
from ptrack.core.values import MAX_DEPTH

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
def test_what_json_holds_exactly_reads_back_equal(value):
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
        ([1, {"a": (1,)}], "tuple"),
        ({1: "a"}, "int"),
        ({"a": {None: "a"}}, "NoneType"),
        (Float("nan"), "Float"),
    ],
)
def test_what_would_read_back_different_is_refused_by_name_and_type(value, kind):
    with pytest.raises(TypeError, match=rf"positional argument 2 .*\b{kind}\b"):
        BOX.encrypt("fine", value)
    with pytest.raises(TypeError, match=rf"keyword argument 'sent' .*\b{kind}\b"):
        BOX.encrypt(fine=1, sent=value)


def circular() -> list[Any]:
    around: list[Any] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        [-math.inf],
        "\ud83d\ude00",
        ["\ud83d\ude00"],
        circular(),
        pytest.param(10**5000, id="huge"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_name_and_type(value):
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
