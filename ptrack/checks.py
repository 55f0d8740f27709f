"""System checks: every way to set ptrack up wrong, told by ``manage.py check``.

==========  ====================================================================
ptrack.E001  ``PTRACK_SECRET`` is missing
ptrack.E002  ``PTRACK_SECRET`` is empty
ptrack.E003  ``PTRACK_SECRET`` is longer than 32 bytes
ptrack.E004  ``PTRACK_SECRET`` is of a wrong type
ptrack.E005  ``PTRACK_SECRET_FALLBACKS`` can't be used
ptrack.E006  ``PTRACK_APP_URL`` lacks a scheme or a host
ptrack.E007  ``PTRACK_PREFIX`` is of a wrong type
ptrack.E008  ``ptrack.urls`` is included where the tag's URLs don't lead
ptrack.E009  ``PTRACK_LINK_FALLBACK_URL`` is no absolute URL
ptrack.E010  ``PTRACK_LINK_QUERY`` is no list of names, nor ``True``
ptrack.E011  ``PTRACK_HONOUR_GPC`` is neither ``True`` nor ``False``
ptrack.E012  ``PTRACK_TRUSTED_PROXIES`` can't be used
ptrack.E013  ``PTRACK_BACKGROUND`` or ``PTRACK_BACKGROUND_QUEUE`` can't be used
ptrack.E014  ``PTRACK_OPENS_KEY`` is no name of a keyword (`ptrack.opens`)
ptrack.E015  ``PTRACK_OPENS_IP`` can't be used (`ptrack.opens`)
ptrack.W001  ``PTRACK_SECRET`` is shorter than 32 bytes
ptrack.W002  Neither the middleware nor ``ptrack.urls`` is in use
ptrack.W003  ``PTRACK_APP_URL`` isn't https (with ``--deploy``)
ptrack.W004  Callbacks are to run in the background, and no engine is set
ptrack.W005  Nothing of `ptrack.opens` is registered, so nothing is kept
==========  ====================================================================
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from . import conf
from .background import LazyEngine
from .core.callbacks import tracker
from .core.tokens import KEY_SIZE
from .exceptions import PtrackConfigurationError
from .middleware import PtrackMiddleware
from .problems import (
    app_url_problem,
    background_problem,
    fallbacks_problem,
    honour_gpc_problem,
    link_fallback_problem,
    link_query_problem,
    prefix_problem,
    secret_problem,
)
from .urlconf import Place, view_at
from .views import TrackingPixel


def check_secrets(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_SECRET`` and ``PTRACK_SECRET_FALLBACKS``."""
    found = conf.from_django()
    return [*_secret_messages(found.secret), *_fallback_messages(found.fallbacks)]


def check_urls(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_APP_URL`` and ``PTRACK_PREFIX``, and that its URLs lead here."""
    found = conf.from_django()
    messages: list[CheckMessage] = []
    if problem := app_url_problem(found.app_url):
        messages.append(
            Error(
                problem,
                hint="Set it to the address under which mail clients reach the site.",
                id="ptrack.E006",
            )
        )
    if problem := prefix_problem(found.prefix):
        hint = "Leave it out for the default, or set it to a path."
        return [*messages, Error(problem, hint=hint, id="ptrack.E007")]
    return [*messages, *_include_messages(conf.django_place())]


def check_links(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_LINK_FALLBACK_URL`` and ``PTRACK_LINK_QUERY``."""
    found = conf.from_django()
    messages: list[CheckMessage] = []
    if problem := link_fallback_problem(found.link_fallback_url):
        hint = "Set it to a page for who follows a broken link, or leave it out."
        messages.append(Error(problem, hint=hint, id="ptrack.E009"))
    if problem := link_query_problem(found.link_query):
        hint = "Leave it out to pass nothing on."
        messages.append(Error(f"{problem}.", hint=hint, id="ptrack.E010"))
    return messages


def check_privacy(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_HONOUR_GPC``."""
    problem = honour_gpc_problem(conf.from_django().honour_gpc)
    if problem is None:
        return []
    hint = "Set it to True to record nothing of who objects to tracking."
    return [Error(f"{problem}.", hint=hint, id="ptrack.E011")]


def check_trusted_proxies(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_TRUSTED_PROXIES``."""
    try:
        conf.trusted_proxies()
    except ImproperlyConfigured as error:
        message, _, hint = str(error).partition("; ")
        hint = hint or "leave it out, or set it to the proxies before this server"
        return [Error(f"{message}.", hint=_sentence(hint), id="ptrack.E012")]
    return []


def check_background(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_BACKGROUND``, and that callbacks that need it have it."""
    found = conf.from_django()
    problem = background_problem(found.background, found.background_queue)
    engine = None if problem else conf.background_engine(found)
    if engine is not None:
        problem = _loading_problem(engine)
    if problem is not None:
        hint = (
            'Set PTRACK_BACKGROUND to "celery" or "tasks", and PTRACK_BACKGROUND_QUEUE '
            "to the name of a queue there; or leave them out."
        )
        return [Error(f"{problem.rstrip('.')}.", hint=hint, id="ptrack.E013")]
    if engine is not None:
        return []
    return [
        CheckWarning(
            f"{name} is to run in the background, but no engine is set: it runs in the "
            "request.",
            hint=(
                'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave "background" '
                "out of the class."
            ),
            id="ptrack.W004",
        )
        for name in tracker.in_background
    ]


def _loading_problem(engine: LazyEngine) -> str | None:
    try:
        engine.load()
    except PtrackConfigurationError as error:
        return str(error)
    return None


def check_in_use(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that something here answers pixels."""
    if conf.uses_middleware(PtrackMiddleware) or _is_included() is not False:
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
    app_url = str(conf.from_django().app_url or "")
    if not app_url or app_url_problem(app_url) or app_url.startswith("https:"):
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


def _secret_messages(secret: Any) -> Iterator[CheckMessage]:
    if problem := secret_problem(secret):
        message, _, hint = problem.partition(": " if secret is None else "; ")
        yield Error(message + ".", hint=_sentence(hint), id=_secret_error_id(secret))
    elif (length := len(secret.encode() if isinstance(secret, str) else secret)) < (
        KEY_SIZE
    ):
        yield CheckWarning(
            f"PTRACK_SECRET is shorter than {KEY_SIZE} bytes: {length}.",
            hint=(
                "Who has a pixel's URL can guess a short secret offline. Set a random "
                f"one of {KEY_SIZE} characters, such as `python -m ptrack secret` "
                "prints, and move this one to PTRACK_SECRET_FALLBACKS, so that mails "
                "already sent go on working."
            ),
            id="ptrack.W001",
        )


def _secret_error_id(secret: Any) -> str:
    if secret is None:
        return "ptrack.E001"
    if secret in ("", b""):
        return "ptrack.E002"
    try:
        size = len(secret.encode() if isinstance(secret, str) else secret)
    except (TypeError, ValueError):
        return "ptrack.E004"
    too_long = isinstance(secret, str | bytes) and size > KEY_SIZE
    return "ptrack.E003" if too_long else "ptrack.E004"


def _fallback_messages(fallbacks: Any) -> Iterator[CheckMessage]:
    if problem := fallbacks_problem(fallbacks):
        yield Error(
            problem + ".",
            hint="Set it to a list of the secrets that mails were sent with before.",
            id="ptrack.E005",
        )


def _include_messages(place: Place) -> Iterator[CheckMessage]:
    if not _is_included() or _is_pixel(view_at(place, conf.language())):
        return
    yield Error(
        "ptrack.urls is included in the URLconf, but not at the prefix "
        f"{place.prefix!r}: the URLs of pixels don't lead there.",
        hint=(
            "Set PTRACK_PREFIX to the path at which ptrack.urls is included (or leave "
            "it out, if that is not in a namespace), or include it at that prefix, "
            "before patterns that take its paths."
        ),
        id="ptrack.E008",
    )


def _is_included() -> bool | None:
    """Tell whether the URLconf has the view; ``None`` if it can't be imported."""
    try:
        return any(map(_is_pixel, _callbacks(get_resolver().url_patterns)))
    except Exception:
        # Django's own check says what is wrong with it.
        return None


def _callbacks(patterns: Iterable[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _callbacks(pattern.url_patterns)
        else:
            yield pattern.callback


def _is_pixel(callback: Any) -> bool:
    view = getattr(callback, "view_class", None)
    return isinstance(view, type) and issubclass(view, TrackingPixel)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
