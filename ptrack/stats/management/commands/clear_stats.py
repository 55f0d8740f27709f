"""``manage.py clear_opens``: see `ptrack.opens.clearing`."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ptrack.opens import storable
from ptrack.opens.clearing import BATCH, clear, expired
from ptrack.opens.models import Click, Open

MOST = 1_000_000
"""Rows in a transaction: more are no batch."""


class Command(BaseCommand):
    """Deletes opens and clicks by their age."""

    help = "Delete opens and clicks that are older than so many days, or than a date."

    def add_arguments(self, parser: CommandParser) -> None:
        """Ask for one of age and date."""
        age = parser.add_mutually_exclusive_group(required=True)
        age.add_argument("--older-than", metavar="DAYS", help="days, such as 90")
        age.add_argument(
            "--before", metavar="DATE", help="such as 2026-01-01, or 2026-01-01T12:00Z"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only count what would be deleted"
        )
        parser.add_argument(
            "--batch",
            type=int,
            default=BATCH,
            metavar="ROWS",
            help=f"rows in a transaction ({BATCH})",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        """Delete, and say how many."""
        if not 1 <= options["batch"] <= MOST:
            raise CommandError(f"--batch takes 1 to {MOST:,} rows")
        before = _before(options["older_than"], options["before"])
        found = {
            model._meta.verbose_name_plural: (
                expired(model, before).count()
                if options["dry_run"]
                else clear(model, before, options["batch"])
            )
            for model in (Open, Click)
        }
        counts = " and ".join(f"{count} {name}" for name, count in found.items())
        does = "Would delete" if options["dry_run"] else "Deleted"
        return f"{does} {counts} of before {before.isoformat(' ', 'seconds')}."


def _before(days: str | None, date: str | None) -> datetime:
    return _days_ago(days) if date is None else _start_of(date)


def _days_ago(text: str | None) -> datetime:
    with suppress(ValueError, OverflowError):
        # "1_0" is a number to Python alone.
        if text and text.isdecimal():
            return timezone.now() - timedelta(days=int(text))
    raise CommandError(f"--older-than takes a number of days, such as 90, not {text!r}")


def _start_of(text: str) -> datetime:
    with suppress(ValueError, OverflowError):
        if found := parse_datetime(text):
            at = storable.time(found)
            # Databases have times in UTC, which may be beyond the first or last year.
            at.astimezone(UTC)
            return at
    raise CommandError(f"--before takes a date, such as 2026-01-01, not {text!r}")
