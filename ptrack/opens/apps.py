"""The Django app: ``"ptrack.opens"`` in ``INSTALLED_APPS``, beside ``"ptrack"``."""

from django.apps import AppConfig


class OpensConfig(AppConfig):
    """The tables of opens and clicks, their admin and their commands.

    It registers no callback: the site says in its ``pixels.py`` what is recorded.
    """

    name = "ptrack.opens"
    label = "ptrack_opens"
    verbose_name = "Opens and clicks"
