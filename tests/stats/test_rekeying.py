"""ptrack.stats.rekeying and ``rekey_stats``: rows get the keys of now."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptrack.stats import storage
from tests.stats.site import ALIAS, make_open, make_request, run_in_threads
from tests.stats.test_storage import anything

pytestmark = pytest.mark.usefixtures("stats")
VALUES = ["ada", "", "a\0b", "\ud800", 7, 1.0, 1e20, 1e-7, -0.0, True, None]
VALUES += [["a"], {"b": 1, "aa": {"z": 1, "c": 2}}, "x" * 300, 10**40, 2.5e300]


@pytest.fixture
def model():
    from ptrack.stats.models import Open

    return Open


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rekey_stats", *arguments, stdout=out)
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


@pytest.fixture(scope="module")
def without_pauses():
    """Let each step of SQLite begin at once, and have the most rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ptrack.stats.pace.PAUSE", 0)
        patch.setattr("ptrack.stats.pace.GOAL", 1000)
        yield


names = st.sampled_from(["recipient", "re'ci\"pi\\\\ent", "__", "%s", "ü", "a.b[0]"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    name=names,
    values=st.lists(anything | st.text(min_size=190, max_size=210), max_size=30),
)
def test_any_value_gets_the_key_that_it_would_get_now(
    model, without_pauses, name, values
):
    """In the database it is a text in JSON, with any characters."""
    from ptrack.stats.keys import find_key
    from ptrack.stats.rekeying import rekey

    model.objects.all().delete()
    stored = [storage.clean_dict({name: value}) for value in [*values, None]]
    rows = [make_open(kwargs=each, key="wrong") for each in [*stored, {}]]
    model.objects.bulk_create(rows)
    with override_settings(PTRACK_STATS_KEY=name):
        assert rekey(model, 7) == len(rows)
    found = dict(model.objects.values_list("id", "key"))
    assert found == {row.id: find_key(row.kwargs, name) for row in rows}


def test_row_that_is_recorded_meanwhile_keeps_its_key(model):
    """Its id may lie between those of other rows, if a worker gets it late."""
    from ptrack.stats.rekeying import rekey

    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4, 5)]
    rows = [make_open(at, kwargs={"recipient": "ada"}, key="x") for at in times]
    rows[1].kwargs = rows[4].kwargs = {}
    late = make_open(datetime(2026, 1, 2, 12, tzinfo=UTC), key="late")
    model.objects.bulk_create(rows)

    def come_late(execute, sql, *rest):
        if sql.startswith("UPDATE") and not model.objects.filter(pk=late.pk).exists():
            late.save(force_insert=True)
        return execute(sql, *rest)

    with connections[ALIAS].execute_wrapper(come_late):
        assert rekey(model) == 5
    keys = list(model.objects.order_by("at").values_list("key", flat=True))
    assert keys == ["ada", None, "late", "ada", "ada", None]


def add_rows(model, count: int) -> None:
    model.objects.bulk_create(
        make_open(kwargs={"recipient": str(number)}, key="x") for number in range(count)
    )


def test_what_was_done_before_an_interruption_is_not_done_again(model, without_pauses):
    from ptrack.stats.rekeying import rekey

    def interrupt(read: int, changed: int) -> None:
        if read >= 30:
            raise KeyboardInterrupt

    add_rows(model, 100)
    with pytest.raises(KeyboardInterrupt):
        rekey(model, 10, interrupt)
    assert model.objects.filter(key="x").count() == 70
    assert rekey(model, 10) == 70
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        assert rekey(model, 10) == 0
    assert {each["sql"].split()[0] for each in queries} == {"SELECT"}


def test_two_at_once_change_all_keys(model, without_pauses):
    from ptrack.stats.rekeying import rekey

    add_rows(model, 500)
    first, second = run_in_threads(2, lambda number: rekey(model, 20 + number))
    assert first + second >= 500
    found = model.objects.values_list("key", flat=True)
    assert set(found) == {str(number) for number in range(500)}


def test_command_shows_how_far_it_is_if_asked(model):
    add_rows(model, 3)
    assert run("--verbosity=2").splitlines() == [
        "Read 3 opens, changed 3.",
        "Changed the keys of 3 opens and 0 clicks.",
    ]
