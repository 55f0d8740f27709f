"""ptrack.stats.report: exact numbers by day, in the site's time zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings

from tests.stats.site import make_open

pytestmark = pytest.mark.usefixtures("stats")


@pytest.fixture
def report():
    from ptrack.stats import report

    return report


@pytest.fixture
def model():
    from ptrack.stats.models import Open

    return Open


def add_rows(model, *rows: tuple[str, str | None]) -> None:
    times = [(datetime.fromisoformat(at), key) for at, key in rows]
    model.objects.bulk_create([make_open(at, key=key) for at, key in times])


def test_hits_and_unique_hits_of_each_day(report, model):
    """A key counts once on each day, and once in all."""
    add_rows(
        model,
        ("2026-01-01T08:00+00:00", "ada"),
        ("2026-01-01T09:00+00:00", "ada"),
        ("2026-01-01T10:00+00:00", "alan"),
        ("2026-01-01T11:00+00:00", None),
        ("2026-01-04T00:00+00:00", "ada"),
        ("2026-01-04T23:59:59.999999+00:00", ""),
    )
    found = report.make_report(model.objects.all())
    assert found.days == [
        (date(2026, 1, 1), 4, 2),
        (date(2026, 1, 2), 0, 0),
        (date(2026, 1, 3), 0, 0),
        (date(2026, 1, 4), 2, 2),
    ]
    assert (found.hits, found.unique) == (6, 3)


def test_keys_differ_in_every_character(report, model):
    keys = ["ada", "Ada", "ada ", "ädä", "a\u0308da\u0308", ""]
    add_rows(model, *[("2026-01-01T08:00+00:00", key) for key in keys])
    assert report.count_unique(model.objects.all()) == len(keys)


def test_no_rows_have_no_days(report, model):
    assert report.make_report(model.objects.all()) == ([], 0, 0)
    assert report.make_report(model.objects.all(), date(2026, 1, 1)) == ([], 0, 0)


@override_settings(TIME_ZONE="Europe/Berlin")
def test_days_are_in_the_time_zone_of_the_site(report, model):
    add_rows(model, ("2026-01-01T23:30+00:00", "ada"))
    assert [each.day for each in report.make_report(model.objects.all()).days] == [
        date(2026, 1, 2)
    ]
    assert (
        report.find_start(date(2026, 1, 2)).isoformat() == "2026-01-02T00:00:00+01:00"
    )


def test_period_has_all_its_days_up_to_today(report, model):
    now = datetime.now(UTC)
    add_rows(model, ((now - timedelta(days=2)).isoformat(), "ada"))
    found = report.make_report(model.objects.all(), report.find_first_day(7))
    assert [each.hits for each in found.days] == [0, 0, 0, 0, 1, 0, 0]
    assert found.days[-1].day == now.date()


def test_report_shows_the_latest_days_and_counts_all(report, model, monkeypatch):
    monkeypatch.setattr(report, "MAX_DAYS", 3)
    add_rows(model, *[(f"2026-01-{day:02}T08:00+00:00", "ada") for day in range(1, 11)])
    found = report.make_report(model.objects.all())
    assert [each.day.day for each in found.days] == [8, 9, 10]
    assert (found.hits, found.unique) == (10, 1)


@override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin")
def test_site_without_time_zones_has_days_too(report, model):
    from ptrack.stats.recording import RecordOpen
    from tests.stats.site import make_request

    RecordOpen().record(make_request(), recipient="ada")
    found = report.make_report(model.objects.all(), report.find_first_day(2))
    assert [each.hits for each in found.days] == [0, 1]
