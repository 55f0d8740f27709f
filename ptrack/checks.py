"""System checks: ``manage.py check`` reports each mistake in setting ptrack up.

E001 to E012 are the settings, one by one: see `ptrack.conf.SETTINGS`.

===========  ====================================================================
ptrack.E013  ``ptrack.urls`` is included, and the URLs of pixels don't lead there
ptrack.E014  The background engine isn't installed or set up
ptrack.E015  ``PTRACK_STATS_IP`` needs python-ipware
ptrack.W001  ``PTRACK_SECRET`` is shorter than 32 bytes
ptrack.W002  Neither the middleware nor ``ptrack.urls`` is in use
ptrack.W003  ``PTRACK_APP_URL`` isn't https (with ``--deploy``)
ptrack.W004  Callbacks are to run in the background, and no engine is set
ptrack.W005  No callback of `ptrack.stats` is registered, so nothing is kept
===========  ====================================================================
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.urls import get_resolver
from django.utils.module_loading import import_string

from . import conf, endpoints
from .core.callbacks import tracker
from .core.tokens import KEY_SIZE
from .exceptions import PtrackConfigurationError
from .middleware import PtrackMiddleware
from .urlconf import Place, find_view
from .views import TrackingPixel


def find_errors(app: str) -> Iterator[CheckMessage]:
    """Yield an error for each bad setting of a Django app."""
    configuration = conf.read_django()
    for setting in conf.SETTINGS:
        problem = setting.find_problem(configuration.get(setting.name))
        if setting.app == app and problem is not None:
            yield Error(f"{problem}.", hint=setting.hint, id=setting.id)


def check_settings(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check each setting of ptrack."""
    return list(find_errors("ptrack"))


def check_secret_length(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the secret can't be guessed."""
    secret = conf.get_django("PTRACK_SECRET")
    if conf.find_problem("PTRACK_SECRET", secret):
        return []
    length = len(secret.encode() if isinstance(secret, str) else secret)
    if length >= KEY_SIZE:
        return []
    return [
        CheckWarning(
            f"PTRACK_SECRET is shorter than {KEY_SIZE} bytes: {length}.",
            hint=(
                "Anyone who has a pixel's URL can guess a short secret offline. Set a "
                f"random one of {KEY_SIZE} characters, such as `python -m ptrack "
                "secret` prints, and move this one to PTRACK_SECRET_FALLBACKS, so that "
                "mails already sent go on working."
            ),
            id="ptrack.W001",
        )
    ]


def check_include(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the URLs of pixels lead to ``ptrack.urls``, if it is included."""
    configuration = conf.read_django()
    if conf.find_problem("PTRACK_PREFIX", configuration.get("PTRACK_PREFIX")):
        return []
    place = Place(conf.choose_prefix(configuration), configuration.suffix)
    language = conf.get_django("LANGUAGE_CODE")
    if not _is_included() or _is_own_view(find_view(place, language)):
        return []
    return [
        Error(
            "ptrack.urls is included in the URLconf, but not at the prefix "
            f"{place.prefix!r}: the URLs of pixels don't lead there.",
            hint=(
                "Set PTRACK_PREFIX to the path at which ptrack.urls is included (or "
                "leave it out, if that is not in a namespace), or include it at that "
                "prefix, before patterns that take its paths."
            ),
            id="ptrack.E013",
        )
    ]


def check_engine(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the background engine works, if one is set or needed."""
    configuration = conf.read_django()
    names = ("PTRACK_BACKGROUND", "PTRACK_BACKGROUND_QUEUE")
    if any(conf.find_problem(name, configuration.get(name)) for name in names):
        return []
    engine = endpoints.make_engine(configuration)
    if engine is None:
        return [_warn_of_missing_engine(name) for name in tracker.in_background]
    try:
        engine.load()
    except PtrackConfigurationError as error:
        message = str(error).rstrip(".")
        hint = 'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave it out.'
        return [Error(f"{message}.", hint=hint, id="ptrack.E014")]
    return []


def _warn_of_missing_engine(name: str) -> CheckMessage:
    return CheckWarning(
        f"{name} is to run in the background, but no engine is set: it runs in the "
        "request.",
        hint=(
            'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave "background" out '
            "of the class."
        ),
        id="ptrack.W004",
    )


def check_in_use(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the site answers pixels."""
    if _uses_middleware() or _is_included() is not False:
        return []
    return [
        CheckWarning(
            "Neither ptrack's middleware nor ptrack.urls is in use: this site makes "
            "pixels but doesn't answer them.",
            hint=(
                'Add "ptrack.middleware.PtrackMiddleware" to MIDDLEWARE, right after '
                "SecurityMiddleware. If a mirror records the opens instead, add "
                '"ptrack.W002" to SILENCED_SYSTEM_CHECKS.'
            ),
            id="ptrack.W002",
        )
    ]


def check_https(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that pixels are loaded over https; for ``check --deploy``."""
    app_url = str(conf.get_django("PTRACK_APP_URL") or "")
    if not app_url or app_url.startswith("https:"):
        return []
    if conf.find_problem("PTRACK_APP_URL", app_url):
        return []
    return [
        CheckWarning(
            "PTRACK_APP_URL is not https.",
            hint=(
                "Mail clients and browsers warn of images over plain http, or don't "
                "load them: use https."
            ),
            id="ptrack.W003",
        )
    ]


def _uses_middleware() -> bool:
    return any(map(_is_middleware, conf.get_django("MIDDLEWARE")))


def _is_middleware(path: str) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        # Django reports it when it loads the middleware.
        return False
    return isinstance(found, type) and issubclass(found, PtrackMiddleware)


def _is_included() -> bool | None:
    """Return whether the URLconf has the view; ``None`` if it can't be imported."""
    try:
        return any(map(_is_own_view, _find_callbacks(get_resolver().url_patterns)))
    except Exception:
        # Django's own check reports the error in it.
        return None


def _find_callbacks(patterns: Iterable[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _find_callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _is_own_view(callback: Any) -> bool:
    view = getattr(callback, "view_class", None)
    return isinstance(view, type) and issubclass(view, TrackingPixel)
