"""tests/vectors.json: what has to be read and what has to be refused, for good."""

from typing import Any

import pytest

from ptrack.core.tokens import TokenBox, key_of
from ptrack.exceptions import PtrackTokenError
from tests import vectors
from tests.adapters import PREFIX, Request, adapters
from tests.reference import opened

VECTORS = vectors.load()
READ = VECTORS["read"] + VECTORS["written_by_django_ptrack_3.0.0"]
REFUSED = VECTORS["refused"]


def box_of(vector: dict[str, Any]) -> TokenBox:
    first, *earlier = vector["secrets"]
    return TokenBox(first, earlier)


def about(vector: dict[str, Any]) -> str:
    return str(vector["about"])


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=about)
def test_key_is_the_vectors(vector):
    assert key_of(vector["secret"]).hex() == vector["key_hex"]


@pytest.mark.parametrize("vector", READ, ids=about)
def test_token_is_read(vector):
    expected = repr((vector["args"], vector["kwargs"]))
    assert repr(box_of(vector).decrypt(vector["token"])) == expected
    assert repr(box_of(vector).decrypt(vector["token"].encode())) == expected


@pytest.mark.parametrize("vector", REFUSED, ids=about)
def test_token_is_refused(vector):
    with pytest.raises(PtrackTokenError):
        box_of(vector).decrypt(vector["token"])
    with pytest.raises(PtrackTokenError):
        box_of(vector).decrypt(vector["token"].encode())


@pytest.mark.parametrize("vector", READ, ids=about)
def test_token_that_is_read_records_through_every_adapter(settings, vector):
    settings.PTRACK_SECRET, *settings.PTRACK_SECRET_FALLBACKS = vector["secrets"]
    expected = [(tuple(vector["args"]), vector["kwargs"])]
    with adapters() as sends:
        for name, send in sends.items():
            hits = send(Request(path=PREFIX + vector["token"].encode())).hits
            assert repr(hits) == repr(expected), name


def test_another_implementation_agrees():
    """The one that the tests measure by: it hasn't a line of ptrack's."""
    for vector in READ:
        content = opened(vector["token"].encode(), vector["secrets"])
        assert repr(content) == repr([vector["args"], vector["kwargs"]]), about(vector)
    for vector in REFUSED:
        assert opened(vector["token"].encode(), vector["secrets"]) is None, vector


def test_each_says_what_it_shows_and_shows_something_else():
    every = READ + REFUSED
    assert len({about(vector) for vector in every}) == len(every)
    cases = {(vector["token"], *vector["secrets"]) for vector in every}
    assert len(cases) == len(every)


def test_file_is_what_its_script_writes():
    assert vectors.FILE.read_text() == vectors.text()
