"""``manage.py rekey_opens``: see `ptrack.opens.rekeying`."""

from typing import Any

from django.core.management.base import BaseCommand

from ptrack.opens.models import Click, Open
from ptrack.opens.rekeying import rekey


class Command(BaseCommand):
    """Fills the keys of opens and clicks anew."""

    help = "Fill the keys of opens and clicks anew, after PTRACK_OPENS_KEY has changed."

    def handle(self, *args: Any, **options: Any) -> str:
        """Do so, and say how many rows have changed."""
        opens, clicks = rekey(Open), rekey(Click)
        return f"Changed the keys of {opens} opens and {clicks} clicks."
