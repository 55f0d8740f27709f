"""The Django app: ``"ptrack.opens"`` in ``INSTALLED_APPS``, beside ``"ptrack"``."""

from django.apps import AppConfig
from django.core.checks import register

from . import checks


class OpensConfig(AppConfig):
    """The tables of opens and clicks, their admin and their commands.

    It registers no callback: the site says in its ``pixels.py`` what is recorded.
    """

    name = "ptrack.opens"
    label = "ptrack_opens"
    verbose_name = "Opens and clicks"

    def ready(self) -> None:
        """Register the system checks."""
        register(checks.check_settings)
        register(checks.check_recording)
