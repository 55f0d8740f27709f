"""The demo as a Django app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The project's one app; ptrack finds its ``pixels.py``."""

    name = "demo"
    default_auto_field = "django.db.models.BigAutoField"
