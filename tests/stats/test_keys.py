"""ptrack.opens.keys: as many keys as there are values, and all fit an index."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptrack.opens import keys, storable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.com", "ada@example.com"),
        ("", ""),
        ("Grüße", "Grüße"),
        (7, "7"),
        (0, "0"),
        (False, "false"),
        (1.5, "1.5"),
        (["a", 1], '["a", 1]'),
        ({"b": "ü", "a": None}, '{"a": null, "b": "ü"}'),
        (None, None),
    ],
)
def test_text_is_its_own_key_and_anything_else_is_json(value, expected):
    assert keys.key_of({"who": value, "other": 1}, "who") == expected


def test_without_the_keyword_there_is_none():
    assert keys.key_of({"other": 1}, "who") is None
    assert keys.key_of({"who": 1}, None) is None


@pytest.mark.parametrize("letter", ["a", "ü", "😀"])
def test_long_ones_fill_the_column_and_stay_apart(letter):
    found = {keys.indexable(letter * 5000 + end) for end in ("x", "y", "")}
    assert len(found) == 3
    assert {len(each) for each in found} == {keys.LENGTH}
    assert all(each.startswith(letter * 100) for each in found)


def test_nothing_passes_for_the_digest_of_another():
    """A value that is spelt like the key of a long one gets a key of its own."""
    key = keys.indexable("x" * 1000)
    assert keys.indexable(key) != key


def test_all_shorter_ones_are_whole():
    longest = "x" * (keys.LENGTH - 1)
    assert keys.indexable(longest) == longest


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=150, max_size=250))
def test_key_fits_whatever_the_text_is(text):
    found = keys.indexable(text)
    assert len(found) <= keys.LENGTH
    assert (found == text) is (len(text) < keys.LENGTH)


def test_the_order_of_an_object_does_not_matter():
    one, another = json.loads('{"a": 1, "b": 2}'), json.loads('{"b": 2, "a": 1}')
    assert keys.as_text(one) == keys.as_text(another)


@pytest.mark.parametrize(
    "value", ["ada", "x" * 500, "a\x00b", True, 7, {"b": 1, "a": [None]}, "", None]
)
def test_key_of_a_value_is_that_of_its_rows(value):
    """By which all of one reader are found, to be deleted for example."""
    row = {"who": storable.mapping({"who": value})["who"]}
    assert keys.stored(value) == keys.key_of(row, "who")
