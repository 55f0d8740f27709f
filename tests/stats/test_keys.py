"""ptrack.stats.keys: a different key for each value, and all fit an index."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptrack.stats import keys, storage


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
    assert keys.find_key({"who": value, "other": 1}, "who") == expected


def test_no_key_without_the_keyword():
    assert keys.find_key({"other": 1}, "who") is None
    assert keys.find_key({"who": 1}, None) is None


@pytest.mark.parametrize("letter", ["a", "ü", "😀"])
def test_long_values_fill_the_column_and_differ(letter):
    found = {keys.fit_column(letter * 5000 + end) for end in ("x", "y", "")}
    assert len(found) == 3
    assert {len(each) for each in found} == {keys.LENGTH}
    assert all(each.startswith(letter * 100) for each in found)


def test_no_text_passes_for_the_digest_of_another():
    """A value that is the same as the key of a long one has a key of its own."""
    key = keys.fit_column("x" * 1000)
    assert keys.fit_column(key) != key


def test_shorter_texts_are_whole():
    longest = "x" * (keys.LENGTH - 1)
    assert keys.fit_column(longest) == longest


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=150, max_size=250))
def test_every_key_fits_the_column(text):
    found = keys.fit_column(text)
    assert len(found) <= keys.LENGTH
    assert (found == text) is (len(text) < keys.LENGTH)


def test_order_of_an_object_does_not_matter():
    one, another = json.loads('{"a": 1, "b": 2}'), json.loads('{"b": 2, "a": 1}')
    assert keys.write_value(one) == keys.write_value(another)


@pytest.mark.parametrize(
    "value", ["ada", "x" * 500, "a\x00b", True, 7, {"b": 1, "a": [None]}, "", None]
)
def test_key_of_a_value_is_the_one_of_its_rows(value):
    """It finds all rows of one reader, to delete them for example."""
    row = {"who": storage.clean_dict({"who": value})["who"]}
    assert keys.make_key(value) == keys.find_key(row, "who")
