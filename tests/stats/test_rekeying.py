"""ptrack.opens.rekeying and ``rekey_opens``: keys as if they had always been so."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings

from tests.stats.site import open_now, request_of

pytestmark = pytest.mark.usefixtures("opens")
VALUES = ["ada", "", "a\0b", "\ud800", 7, 1.0, 1e20, 1e-7, -0.0, True, None]
VALUES += [["a"], {"b": 1, "aa": {"z": 1, "c": 2}}, "x" * 300, 10**40, 2.5e300]


@pytest.fixture
def model():
    from ptrack.opens.models import Open

    return Open


def run() -> str:
    out = StringIO()
    call_command("rekey_opens", stdout=out)
    return out.getvalue().strip()


def test_keys_are_those_that_would_be_recorded(model):
    """Whatever the value was: what is read back gives the key of what was written."""
    from ptrack.opens.recording import RecordClick, RecordOpen

    with override_settings(PTRACK_OPENS_KEY="who"):
        for value in VALUES:
            RecordOpen().record(request_of(), who=value)
        RecordClick().record(request_of(), "https://shop.example/", who="ada")
        recorded = dict(model.objects.values_list("id", "key"))
        assert run() == "Changed the keys of 0 opens and 0 clicks."
        model.objects.update(key="wrong")
        assert run() == f"Changed the keys of {len(VALUES)} opens and 0 clicks."
    assert dict(model.objects.values_list("id", "key")) == recorded


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_only_what_changes_is_written_and_again_nothing(model, batch):
    from ptrack.opens.rekeying import rekey

    rows = [open_now(kwargs={"recipient": str(n)}, key=str(n)) for n in range(7)]
    rows[0].key = None
    rows[6].key = "0"
    model.objects.bulk_create(rows)
    assert rekey(model, batch) == 2
    assert rekey(model, batch) == 0
    assert sorted(model.objects.values_list("key", flat=True)) == list("0123456")


@override_settings(PTRACK_OPENS_KEY=None)
def test_without_a_keyword_there_are_no_keys(model):
    model.objects.bulk_create([open_now(kwargs={"recipient": "ada"}, key="ada")])
    run()
    assert [row.key for row in model.objects.all()] == [None]
