"""The Django app: ``"ptrack.stats"`` in ``INSTALLED_APPS``, beside ``"ptrack"``."""

from django.apps import AppConfig
from django.core.checks import register

from . import checks


class StatsConfig(AppConfig):
    """The tables of opens and clicks, their admin and their commands.

    It registers no callback: the site does so in its ``pixels.py``.
    """

    name = "ptrack.stats"
    label = "ptrack_stats"
    verbose_name = "Opens and clicks"

    def ready(self) -> None:
        """Register the system checks."""
        register(checks.check_settings)
        register(checks.check_recording)
