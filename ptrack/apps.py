"""The Django app: ``"ptrack"`` in ``INSTALLED_APPS``."""

from django.apps import AppConfig
from django.core.checks import register

from . import checks, conf
from .discovery import autodiscover


class SimplePtrackConfig(AppConfig):
    """ptrack without autodiscovery: the project imports its ``pixels`` itself."""

    name = "ptrack"
    default = False

    def ready(self) -> None:
        """Register the system checks, and the task if Celery is the engine."""
        register(checks.check_secrets)
        register(checks.check_urls)
        register(checks.check_links)
        register(checks.check_privacy)
        register(checks.check_trusted_proxies)
        register(checks.check_background)
        register(checks.check_in_use)
        register(checks.check_https, deploy=True)
        conf.register_task()


class PtrackConfig(SimplePtrackConfig):
    """ptrack with the ``pixels`` of all apps and of the project; the default."""

    default = True

    def ready(self) -> None:
        """Register the system checks and import all ``pixels``."""
        super().ready()
        autodiscover()
