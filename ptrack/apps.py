"""The Django app: ``"ptrack"`` in ``INSTALLED_APPS``."""

from django.apps import AppConfig
from django.core.checks import register

from . import checks, conf
from .background import register_task
from .discovery import autodiscover


class SimplePtrackConfig(AppConfig):
    """ptrack without autodiscovery: the project imports its ``pixels`` itself."""

    name = "ptrack"
    default = False
    imports_pixels = False

    def ready(self) -> None:
        """Register the system checks, and the task if Celery is the engine."""
        register(checks.check_settings)
        register(checks.check_secret_length)
        register(checks.check_include)
        register(checks.check_engine)
        register(checks.check_in_use)
        register(checks.check_callbacks)
        register(checks.check_names)
        register(checks.check_parts)
        register(checks.check_app_url, deploy=True)
        register(checks.check_https, deploy=True)
        register_task(conf.get_django("PTRACK_BACKGROUND"))


class PtrackConfig(SimplePtrackConfig):
    """ptrack with the ``pixels`` of all apps and of the project; the default."""

    default = True
    imports_pixels = True

    def ready(self) -> None:
        """Register the system checks and import all ``pixels``."""
        super().ready()
        autodiscover()
