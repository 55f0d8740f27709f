"""``manage.py rekey_stats``: see `ptrack.stats.rekeying`."""

from typing import Any

from django.core.management.base import BaseCommand

from ptrack.stats.models import Click, Open, Row
from ptrack.stats.rekeying import rekey


class Command(BaseCommand):
    """Fill in the keys of opens and clicks anew."""

    help = (
        "Fill in the keys of opens and clicks anew, after PTRACK_STATS_KEY has "
        "changed. --verbosity 2 shows how far it is."
    )

    def handle(self, *args: Any, **options: Any) -> str:
        """Fill in the keys; return a text with the numbers of changed rows."""
        self._shows_progress = options["verbosity"] > 1
        opens, clicks = self._rekey(Open), self._rekey(Click)
        return f"Changed the keys of {opens} opens and {clicks} clicks."

    def _rekey(self, model: type[Row]) -> int:
        def show(read: int, changed: int) -> None:
            name = model._meta.verbose_name_plural
            self.stdout.write(f"Read {read} {name}, changed {changed}.")

        return rekey(model, report=show if self._shows_progress else None)
