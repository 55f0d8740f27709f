"""``manage.py clear_stats``: see `ptrack.stats.clearing`."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ptrack.stats.clearing import BATCH, clear, find_old
from ptrack.stats.models import Click, Open
from ptrack.stats.storage import clean_time

MAX_BATCH = 1_000_000


class Command(BaseCommand):
    """Delete opens and clicks by their age."""

    help = "Delete opens and clicks that are older than some days, or than a date."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; one of age and date is required."""
        age = parser.add_mutually_exclusive_group(required=True)
        age.add_argument("--older-than", metavar="DAYS", help="days, such as 90")
        age.add_argument(
            "--before", metavar="DATE", help="such as 2026-01-01, or 2026-01-01T12:00Z"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only count the rows"
        )
        parser.add_argument(
            "--batch",
            type=int,
            default=BATCH,
            metavar="ROWS",
            help=f"rows in a transaction ({BATCH})",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        """Delete the rows; return a text with their numbers."""
        if not 1 <= options["batch"] <= MAX_BATCH:
            raise CommandError(f"--batch takes 1 to {MAX_BATCH:,} rows")
        before = _read_limit(options["older_than"], options["before"])
        counts = {
            model._meta.verbose_name_plural: (
                find_old(model, before).count()
                if options["dry_run"]
                else clear(model, before, options["batch"])
            )
            for model in (Open, Click)
        }
        counted = " and ".join(f"{count} {name}" for name, count in counts.items())
        verb = "Would delete" if options["dry_run"] else "Deleted"
        return f"{verb} {counted} from before {before.isoformat(' ', 'seconds')}."


def _read_limit(days: str | None, date: str | None) -> datetime:
    return _read_days(days) if date is None else _read_date(date)


def _read_days(text: str | None) -> datetime:
    with suppress(ValueError, OverflowError):
        # Only Python takes "1_0" for a number.
        if text and text.isdecimal():
            return timezone.now() - timedelta(days=int(text))
    raise CommandError(f"--older-than takes a number of days, such as 90, not {text!r}")


def _read_date(text: str) -> datetime:
    with suppress(ValueError, OverflowError):
        if found := parse_datetime(text):
            at = clean_time(found)
            # Databases store UTC, in which it may be outside the years 1 to 9999.
            at.astimezone(UTC)
            return at
    raise CommandError(f"--before takes a date, such as 2026-01-01, not {text!r}")
