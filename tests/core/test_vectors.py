"""tests/vectors.json: tokens that have to be read, or to be refused, for good."""

from typing import Any

import pytest

from ptrack.core.tokens import TokenBox, make_key
from ptrack.exceptions import PtrackTokenError
from tests import vectors
from tests.adapters import PREFIX, Request, open_adapters
from tests.reference import open_token

VECTORS = vectors.load()
READ = VECTORS["read"] + VECTORS["written_by_django_ptrack_3.0.0"]
REFUSED = VECTORS["refused"]


def make_box(vector: dict[str, Any]) -> TokenBox:
    first, *earlier = vector["secrets"]
    return TokenBox(first, earlier)


def name_vector(vector: dict[str, Any]) -> str:
    return str(vector["about"])


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=name_vector)
def test_key_is_the_vectors(vector):
    assert make_key(vector["secret"]).hex() == vector["key_hex"]


@pytest.mark.parametrize("vector", READ, ids=name_vector)
def test_token_is_read(vector):
    expected = repr((vector["args"], vector["kwargs"]))
    assert repr(make_box(vector).decrypt(vector["token"])) == expected
    assert repr(make_box(vector).decrypt(vector["token"].encode())) == expected


@pytest.mark.parametrize("vector", REFUSED, ids=name_vector)
def test_token_is_refused(vector):
    with pytest.raises(PtrackTokenError):
        make_box(vector).decrypt(vector["token"])
    with pytest.raises(PtrackTokenError):
        make_box(vector).decrypt(vector["token"].encode())


@pytest.mark.parametrize("vector", READ, ids=name_vector)
def test_token_that_is_read_records_through_every_adapter(settings, vector):
    settings.PTRACK_SECRET, *settings.PTRACK_SECRET_FALLBACKS = vector["secrets"]
    expected = [(tuple(vector["args"]), vector["kwargs"])]
    with open_adapters() as sends:
        for name, send in sends.items():
            hits = send(Request(path=PREFIX + vector["token"].encode())).hits
            assert repr(hits) == repr(expected), name


def test_another_implementation_agrees():
    """The one that the tests compare with: it hasn't a line of ptrack's."""
    for vector in READ:
        content = open_token(vector["token"].encode(), vector["secrets"])
        assert repr(content) == repr([vector["args"], vector["kwargs"]]), name_vector(
            vector
        )
    for vector in REFUSED:
        assert open_token(vector["token"].encode(), vector["secrets"]) is None, vector


def test_no_two_vectors_have_the_same_name_or_content():
    every = READ + REFUSED
    assert len({name_vector(vector) for vector in every}) == len(every)
    cases = {(vector["token"], *vector["secrets"]) for vector in every}
    assert len(cases) == len(every)


def test_script_writes_the_file_as_it_is():
    assert vectors.FILE.read_text() == vectors.make_text()
