"""ptrack.stats.clearing and ``clear_stats``: only old rows are deleted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from tests.stats.site import ALIAS, make_id, make_open, run_in_threads

pytestmark = pytest.mark.usefixtures("stats")
NOW = datetime.now(UTC)


@pytest.fixture
def model():
    """Add an open on each of the last hundred days."""
    from ptrack.stats.models import Open

    days = [NOW - timedelta(days=day, hours=1) for day in range(100)]
    Open.objects.bulk_create([make_open(at, key=at.isoformat()) for at in days])
    return Open


@pytest.mark.parametrize("batch", [1, 7, 10, 5000])
def test_old_rows_are_deleted_in_batches(model, batch):
    from ptrack.stats.clearing import clear

    before = NOW - timedelta(days=90)
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        assert clear(model, before, batch) == 10
    assert model.objects.count() == 90
    assert not model.objects.filter(at__lt=before).exists()
    deletes = [each for each in queries if each["sql"].startswith("DELETE")]
    assert len(deletes) == -(-10 // batch)


def test_new_row_with_an_old_id_stays(model):
    """Its id is in the range of a batch."""
    from ptrack.stats.clearing import clear

    kept = make_open(NOW, id=make_id(NOW - timedelta(days=95)))
    kept.save(force_insert=True)
    assert clear(model, NOW - timedelta(days=90)) == 10
    assert model.objects.filter(id=kept.id).exists()


def test_two_at_once_delete_each_row_once(model):
    from ptrack.stats.clearing import clear

    before = NOW - timedelta(days=20)
    deleted = run_in_threads(2, lambda number: clear(model, before, 20 + number))
    assert sum(deleted) == 80
    assert model.objects.count() == 20


def test_it_goes_on_where_it_was_interrupted(model):
    from ptrack.stats.clearing import clear

    def interrupt(execute, sql, *rest):
        if sql.startswith("DELETE") and model.objects.count() < 90:
            raise KeyboardInterrupt
        return execute(sql, *rest)

    before = NOW - timedelta(days=50)
    with (
        pytest.raises(KeyboardInterrupt),
        connections[ALIAS].execute_wrapper(interrupt),
    ):
        clear(model, before, 7)
    assert model.objects.count() == 86
    assert clear(model, before, 7) == 36


def run(*arguments: str) -> str:
    from io import StringIO

    out = StringIO()
    call_command("clear_stats", *arguments, stdout=out)
    return out.getvalue().strip()


def test_command_deletes_opens_and_clicks(model):
    from ptrack.stats.models import Click

    old = NOW - timedelta(days=100)
    Click.objects.create(id=make_id(old), at=old, url="https://shop.example/")
    output = run("--older-than", "90")
    assert output.startswith("Deleted 10 opens and 1 clicks from before 20")
    assert (model.objects.count(), Click.objects.count()) == (90, 0)
    assert run("--older-than=90", "--batch=1").startswith("Deleted 0 opens and 0")


def test_dry_run_deletes_nothing(model):
    assert run("--older-than=90", "--dry-run").startswith("Would delete 10 opens and 0")
    assert model.objects.count() == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", "2026-01-02 00:00:00+00:00"),
        ("2026-01-02T12:00Z", "2026-01-02 12:00:00+00:00"),
        ("2026-01-02T12:00+02:00", "2026-01-02 12:00:00+02:00"),
        ("2026-01-02 12:00", "2026-01-02 12:00:00+00:00"),
    ],
)
def test_date_is_possible_too(model, text, expected):
    assert run("--before", text, "--dry-run").endswith(f"before {expected}.")


@override_settings(TIME_ZONE="Europe/Berlin")
def test_date_starts_in_the_time_zone_of_the_site(model):
    assert "2026-01-02 00:00:00+01:00" in run("--before=2026-01-02", "--dry-run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of the arguments --older-than --before is required"),
        (["--older-than=1", "--before=2026-01-01"], "not allowed with"),
        (["--older-than=-1"], "takes a number of days, such as 90, not '-1'"),
        (["--older-than=x"], "takes a number of days, such as 90, not 'x'"),
        (["--older-than=9999999999"], "takes a number of days"),
        (["--older-than=999999"], "takes a number of days"),
        (["--before=yesterday"], "takes a date, such as 2026-01-01, not 'yesterday'"),
        (["--before=2026-02-30"], "takes a date"),
        (["--before=2026-02-30T12:00"], "takes a date"),
        (["--older-than=1_0"], "--older-than takes a number of days"),
        (["--before=0001-01-01T00:00+12:00"], "--before takes a date"),
        (["--before=9999-12-31T23:59-12:00"], "--before takes a date"),
        (["--older-than=1", "--batch=0"], "--batch takes 1 to 1,000,000 rows"),
        (["--older-than=1", "--batch=99999999999999999999"], "--batch takes 1 to"),
    ],
)
def test_bad_input_is_an_error(arguments, message):
    with pytest.raises(CommandError, match=message.replace("-", "[-]")):
        run(*arguments)
