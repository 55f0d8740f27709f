"""System checks: ``manage.py check`` reports each mistake in setting ptrack up.

E001 to E012, E016 and E017 are the settings, one by one: see `ptrack.conf.SETTINGS`.
All are in docs/operations.md.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.urls import get_resolver

from . import conf, endpoints
from .core.callbacks import tracker
from .core.tokens import KEY_SIZE
from .discovery import explain_missing_callbacks
from .exceptions import PtrackConfigurationError
from .middleware import PtrackMiddleware
from .urlconf import Place, find_views, uses_middleware
from .views import TrackingPixel


def find_errors(app: str) -> Iterator[CheckMessage]:
    """Yield an error for each bad setting of a Django app."""
    configuration = conf.read_django()
    for setting in conf.SETTINGS:
        problem = setting.find_problem(configuration.get(setting.name))
        if problem is not None and _find_reporter(setting) == app:
            yield Error(f"{problem}.", hint=setting.hint, id=setting.id)


def _find_reporter(setting: conf.Setting) -> str:
    """Return the app that reports a setting: ptrack, if its own isn't installed."""
    return setting.app if apps.is_installed(setting.app) else "ptrack"


def check_settings(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check each setting of ptrack."""
    return list(find_errors("ptrack"))


def check_secret_length(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that no secret can be guessed."""
    configuration = conf.read_django()
    if any(conf.find_problem(name, configuration.get(name)) for name in conf.SECRETS):
        return []
    return [
        CheckWarning(
            f"{secret.name} is shorter than {KEY_SIZE} bytes: {secret.length}.",
            hint=_advise_on_secret(secret),
            id="ptrack.W001",
        )
        for secret in conf.find_short_secrets(configuration)
    ]


def _advise_on_secret(secret: conf.ShortSecret) -> str:
    danger = "Anyone who has a URL can guess a short secret offline, and make others."
    if secret.name == "PTRACK_SECRET":
        return (
            f"{danger} Set a random one of {KEY_SIZE} characters, such as `python -m "
            "ptrack secret` prints. Mails already sent are recorded only while the "
            "short one is in PTRACK_SECRET_FALLBACKS, and the danger lasts as long."
        )
    return f"{danger} Take it out as soon as the mails sent with it are old."


def check_names(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that each setting whose name looks like ptrack's is one."""
    return [
        CheckWarning(
            f"{name} is no setting of ptrack.",
            hint=(
                f"Rename it to {meant}, or take it out."
                if meant
                else "Take it out, or give it a name that doesn't begin with PTRACK_."
            ),
            id="ptrack.W007",
        )
        for name, meant in conf.find_unknown_in_django().items()
    ]


def check_parts(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the parts that the settings are for are there."""
    return [
        CheckWarning(
            f"{name} has no effect without {part.name}.",
            hint=part.hint,
            id="ptrack.W009",
        )
        for name, part in conf.find_idle_settings(conf.read_django())
    ]


def check_include(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that the URLs of pixels lead to ``ptrack.urls``, if they have to."""
    configuration = conf.read_django()
    if conf.find_problem("PTRACK_PREFIX", configuration.get("PTRACK_PREFIX")):
        return []
    if not _is_included():
        return []
    if _uses_middleware() and not configuration.shared:
        # It answers them before they are routed.
        return []
    place = Place(conf.choose_prefix(configuration), configuration.suffix)
    if all(map(_is_own_view, find_views(place, conf.get_routing()))):
        return []
    return [
        Error(
            "ptrack.urls is included in the URLconf, but the URLs of pixels, below "
            f"{place.prefix!r}, don't lead there in every language of a reader.",
            hint=(
                "Set PTRACK_PREFIX to the path at which ptrack.urls is included (or "
                "leave it out, if that is not in a namespace), or include it at that "
                "prefix, before patterns that take its paths. Best include it outside "
                "of i18n_patterns(), at a path that isn't translated."
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


def check_callbacks(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that a site that answers pixels has a callback."""
    # First, so that the URLconf is imported: its modules may register some.
    included = _is_included()
    if tracker.callbacks or not (included or _uses_middleware()):
        return []
    return [
        CheckWarning(
            "No callback is registered: every hit is answered and thrown away.",
            hint=explain_missing_callbacks(),
            id="ptrack.W006",
        )
    ]


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
                "SecurityMiddleware. If a mirror answers them, or a "
                'PtrackWSGIMiddleware around the site, add "ptrack.W002" to '
                "SILENCED_SYSTEM_CHECKS."
            ),
            id="ptrack.W002",
        )
    ]


def check_app_url(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that URLs can be made; for ``check --deploy``."""
    if conf.get_django("PTRACK_APP_URL"):
        return []
    return [
        CheckWarning(
            "PTRACK_APP_URL is not set: no URL can be made here.",
            hint=(
                "Set it to the address under which mail clients reach the site. If "
                'this site only records, add "ptrack.W008" to SILENCED_SYSTEM_CHECKS.'
            ),
            id="ptrack.W008",
        )
    ]


def check_https(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that pixels are loaded over https; for ``check --deploy``."""
    app_url = str(conf.get_django("PTRACK_APP_URL") or "")
    if not app_url or app_url.lower().startswith("https:"):
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
    return uses_middleware(conf.get_django("MIDDLEWARE"), PtrackMiddleware)


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
