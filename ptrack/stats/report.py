"""The numbers of hits and of unique ones, by day: exact, and read from the indexes."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from . import storage

MAX_DAYS = 366
"""Days in a report; of more days, the latest."""


class Day(NamedTuple):
    """The numbers of a day, in the site's time zone.

    Attributes:
        day: The day.
        hits: Opens, or clicks.
        unique: Different keys among them; rows without a key don't count here.
    """

    day: date
    hits: int
    unique: int


class Report(NamedTuple):
    """The numbers of each day, and of all days together.

    Attributes:
        days: The latest `MAX_DAYS`, in order, those without a hit too.
        hits: Opens, or clicks, of all days.
        unique: Different keys among those: not the sum of the days'.
    """

    days: list[Day]
    hits: int
    unique: int


def make_report(rows: QuerySet[Any], first: date | None = None) -> Report:
    """Count rows.

    Args:
        rows: Rows of `Open` or of `Click`, with any filter.
        first: The first day of the report, whose last one is then today. By default,
            the days of the first hit and of the last one.
    """
    days = list(_count_days(rows.order_by()))
    complete = len(days) < MAX_DAYS
    return Report(
        list(_fill_gaps(days, first)),
        sum(day.hits for day in days) if complete else rows.order_by().count(),
        count_unique(rows),
    )


def count_unique(rows: QuerySet[Any]) -> int:
    """Return the number of different keys of rows."""
    keyed = rows.order_by().filter(key__isnull=False)
    # "COUNT(DISTINCT …)" is the same number, but sorts all rows.
    return int(keyed.values("key").distinct().count())


def find_first_day(count: int) -> date:
    """Return the first day of a number of days, of which today is the last."""
    return _find_today() - timedelta(days=count - 1)


def find_start(day: date) -> datetime:
    """Return the time at which a day starts, as the database takes it."""
    return storage.clean_time(datetime.combine(day, time.min))


def _find_today() -> date:
    now = timezone.now()
    return timezone.localdate(now) if timezone.is_aware(now) else now.date()


def _count_days(rows: QuerySet[Any]) -> Iterator[Day]:
    """Yield the latest days that have a hit, the last one first."""
    by_day = rows.annotate(day=TruncDate("at")).values("day")
    counted = by_day.annotate(hits=Count("*"), unique=Count("key", distinct=True))
    for each in counted.order_by("-day")[:MAX_DAYS]:
        yield Day(each["day"], each["hits"], each["unique"])


def _fill_gaps(days: Iterable[Day], first: date | None) -> Iterator[Day]:
    by_day = {each.day: each for each in days}
    if not by_day:
        return
    last = max(by_day) if first is None else max(_find_today(), *by_day)
    start = max(first or min(by_day), last - timedelta(days=MAX_DAYS - 1))
    for number in range((last - start).days + 1):
        day = start + timedelta(days=number)
        yield by_day.get(day, Day(day, 0, 0))
