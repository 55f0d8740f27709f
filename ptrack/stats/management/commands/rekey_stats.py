"""``manage.py rekey_stats``: see `ptrack.stats.rekeying`."""

from typing import Any

from django.core.management.base import BaseCommand

from ptrack.stats.models import Click, Open
from ptrack.stats.rekeying import rekey


class Command(BaseCommand):
    """Fill in the keys of opens and clicks anew."""

    help = (
        "Fill in the keys of opens and clicks anew, after PTRACK_STATS_KEY has changed."
    )

    def handle(self, *args: Any, **options: Any) -> str:
        """Fill in the keys; return a text with the numbers of changed rows."""
        opens, clicks = rekey(Open), rekey(Click)
        return f"Changed the keys of {opens} opens and {clicks} clicks."
