"""ptrack.opens.days: counts by day that are exact, in the site's time zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import override_settings

from tests.stats.site import open_at

pytestmark = pytest.mark.usefixtures("opens")


@pytest.fixture
def days():
    from ptrack.opens import days

    return days


@pytest.fixture
def model():
    from ptrack.opens.models import Open

    return Open


def keep(model, *rows: tuple[str, str | None]) -> None:
    times = [(datetime.fromisoformat(at), key) for at, key in rows]
    model.objects.bulk_create([open_at(at, key=key) for at, key in times])


def test_opens_and_unique_ones_of_each_day(days, model):
    """Twice the same on a day is one there, and one in all if on another day too."""
    keep(
        model,
        ("2026-01-01T08:00+00:00", "ada"),
        ("2026-01-01T09:00+00:00", "ada"),
        ("2026-01-01T10:00+00:00", "alan"),
        ("2026-01-01T11:00+00:00", None),
        ("2026-01-04T00:00+00:00", "ada"),
        ("2026-01-04T23:59:59.999999+00:00", ""),
    )
    found = days.summary(model.objects.all())
    assert found.days == [
        (date(2026, 1, 1), 4, 2),
        (date(2026, 1, 2), 0, 0),
        (date(2026, 1, 3), 0, 0),
        (date(2026, 1, 4), 2, 2),
    ]
    assert (found.hits, found.unique) == (6, 3)


def test_keys_are_told_apart_to_the_letter(days, model):
    keys = ["ada", "Ada", "ada ", "ädä", "a\u0308da\u0308", ""]
    keep(model, *[("2026-01-01T08:00+00:00", key) for key in keys])
    assert days.unique(model.objects.all()) == len(keys)


def test_nothing_has_no_days(days, model):
    assert days.summary(model.objects.all()) == ([], 0, 0)
    assert days.summary(model.objects.all(), date(2026, 1, 1)) == ([], 0, 0)


@override_settings(TIME_ZONE="Europe/Berlin")
def test_days_are_those_of_the_site(days, model):
    keep(model, ("2026-01-01T23:30+00:00", "ada"))
    assert [each.day for each in days.summary(model.objects.all()).days] == [
        date(2026, 1, 2)
    ]
    assert days.start_of(date(2026, 1, 2)).isoformat() == "2026-01-02T00:00:00+01:00"


def test_a_period_has_all_its_days_up_to_today(days, model):
    now = datetime.now(UTC)
    keep(model, ((now - timedelta(days=2)).isoformat(), "ada"))
    found = days.summary(model.objects.all(), days.first_of(7))
    assert [each.hits for each in found.days] == [0, 0, 0, 0, 1, 0, 0]
    assert found.days[-1].day == now.date()


def test_of_many_days_the_latest_are_told_and_all_are_counted(days, model, monkeypatch):
    monkeypatch.setattr(days, "MOST", 3)
    keep(model, *[(f"2026-01-{day:02}T08:00+00:00", "ada") for day in range(1, 11)])
    found = days.summary(model.objects.all())
    assert [each.day.day for each in found.days] == [8, 9, 10]
    assert (found.hits, found.unique) == (10, 1)


@override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin")
def test_a_site_without_time_zones_has_days_too(days, model):
    from ptrack.opens.recording import RecordOpen
    from tests.stats.site import request_of

    RecordOpen().record(request_of(), recipient="ada")
    found = days.summary(model.objects.all(), days.first_of(2))
    assert [each.hits for each in found.days] == [0, 1]
