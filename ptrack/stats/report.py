"""How many a day, and how many unique ones: exact, from the indexes."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from . import storable

MOST = 366
"""Days that are told apart; of more, the latest are."""


class Day(NamedTuple):
    """What came on a day, in the site's time zone.

    Attributes:
        day: Which one.
        hits: Opens, or clicks.
        unique: Different keys among them; rows without a key don't count here.
    """

    day: date
    hits: int
    unique: int


class Summary(NamedTuple):
    """What came in all.

    Attributes:
        days: The latest `MOST` of them, those on which nothing came too.
        hits: Opens, or clicks, of all days.
        unique: Different keys among those: not the sum of the days'.
    """

    days: list[Day]
    hits: int
    unique: int


def summary(rows: QuerySet[Any], first: date | None = None) -> Summary:
    """Count rows.

    Args:
        rows: Of `Open` or of `Click`, filtered as one likes.
        first: The first day to tell, and the last is then today; by default, the
            first and the last on which something came.
    """
    found = list(_days(rows.order_by()))
    complete = len(found) < MOST
    return Summary(
        list(_without_gaps(found, first)),
        sum(day.hits for day in found) if complete else rows.order_by().count(),
        unique(rows),
    )


def unique(rows: QuerySet[Any]) -> int:
    """Count the different keys of rows."""
    keyed = rows.order_by().filter(key__isnull=False)
    # "COUNT(DISTINCT …)" says the same, and sorts all of them to find it out.
    return int(keyed.values("key").distinct().count())


def first_of(count: int) -> date:
    """Give the first of so many days of which today is the last."""
    return _today() - timedelta(days=count - 1)


def start_of(day: date) -> datetime:
    """Give the time at which a day starts, as the database takes it."""
    return storable.time(datetime.combine(day, time.min))


def _today() -> date:
    now = timezone.now()
    return timezone.localdate(now) if timezone.is_aware(now) else now.date()


def _days(rows: QuerySet[Any]) -> Iterator[Day]:
    """Give the latest days on which something came, the last first."""
    by_day = rows.annotate(day=TruncDate("at")).values("day")
    counted = by_day.annotate(hits=Count("*"), unique=Count("key", distinct=True))
    for each in counted.order_by("-day")[:MOST]:
        yield Day(each["day"], each["hits"], each["unique"])


def _without_gaps(found: Iterable[Day], first: date | None) -> Iterator[Day]:
    by_day = {each.day: each for each in found}
    if not by_day:
        return
    last = max(by_day) if first is None else max(_today(), *by_day)
    start = max(first or min(by_day), last - timedelta(days=MOST - 1))
    for number in range((last - start).days + 1):
        day = start + timedelta(days=number)
        yield by_day.get(day, Day(day, 0, 0))
