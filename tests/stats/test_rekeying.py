"""ptrack.stats.rekeying and ``rekey_stats``: rows get the keys of now."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings

from tests.stats.site import make_open, make_request

pytestmark = pytest.mark.usefixtures("stats")
VALUES = ["ada", "", "a\0b", "\ud800", 7, 1.0, 1e20, 1e-7, -0.0, True, None]
VALUES += [["a"], {"b": 1, "aa": {"z": 1, "c": 2}}, "x" * 300, 10**40, 2.5e300]


@pytest.fixture
def model():
    from ptrack.stats.models import Open

    return Open


def run() -> str:
    out = StringIO()
    call_command("rekey_stats", stdout=out)
    return out.getvalue().strip()


def test_keys_are_as_a_new_hit_would_have_them(model):
    """A value that is read back has the same key as when it was written."""
    from ptrack.stats.recording import RecordClick, RecordOpen

    with override_settings(PTRACK_STATS_KEY="who"):
        for value in VALUES:
            RecordOpen().record(make_request(), who=value)
        RecordClick().record(make_request(), "https://shop.example/", who="ada")
        recorded = dict(model.objects.values_list("id", "key"))
        assert run() == "Changed the keys of 0 opens and 0 clicks."
        model.objects.update(key="wrong")
        assert run() == f"Changed the keys of {len(VALUES)} opens and 0 clicks."
    assert dict(model.objects.values_list("id", "key")) == recorded


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_only_changed_keys_are_written(model, batch):
    from ptrack.stats.rekeying import rekey

    rows = [make_open(kwargs={"recipient": str(n)}, key=str(n)) for n in range(7)]
    rows[0].key = None
    rows[6].key = "0"
    model.objects.bulk_create(rows)
    assert rekey(model, batch) == 2
    assert rekey(model, batch) == 0
    assert sorted(model.objects.values_list("key", flat=True)) == list("0123456")


@override_settings(PTRACK_STATS_KEY=None)
def test_no_keys_without_a_keyword(model):
    model.objects.bulk_create([make_open(kwargs={"recipient": "ada"}, key="ada")])
    run()
    assert [row.key for row in model.objects.all()] == [None]
