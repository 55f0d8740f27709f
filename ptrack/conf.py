"""The settings: the only reader of Django's settings and of the environment.

Nothing is read at import. What is read is validated, and made into an `Endpoint` once
per set of values.
"""

import contextlib
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

import ptrack

from . import background as engines
from .background import LazyEngine
from .core import tokens as encoders
from .core.callbacks import Tracker, tracker
from .core.endpoint import Endpoint, normal_prefix
from .core.tokens import Encoder, TokenBox
from .exceptions import PtrackConfigurationError
from .problems import (
    UNIX_SOCKET,
    app_url_problem,
    background_problem,
    fallbacks_problem,
    honour_gpc_problem,
    link_fallback_problem,
    link_query_problem,
    opens_ip_problem,
    opens_key_problem,
    prefix_problem,
    secret_problem,
    trusted_proxies_problem,
)

if TYPE_CHECKING:
    from .urlconf import Place

logger = logging.getLogger("ptrack")

DEFAULT_PREFIX = "/ptrack/"


@dataclass(frozen=True)
class Configuration:
    """The settings, as they were read: `None` is what isn't set.

    Attributes:
        secret: ``PTRACK_SECRET``.
        fallbacks: ``PTRACK_SECRET_FALLBACKS``.
        app_url: ``PTRACK_APP_URL``.
        prefix: ``PTRACK_PREFIX``, or the place in the URLconf.
        link_fallback_url: ``PTRACK_LINK_FALLBACK_URL``.
        link_query: ``PTRACK_LINK_QUERY``.
        honour_gpc: ``PTRACK_HONOUR_GPC``.
        background: ``PTRACK_BACKGROUND``.
        background_queue: ``PTRACK_BACKGROUND_QUEUE``.
        suffix: What follows the token there; ``None`` is the slash.
        shared: Only the URLconf can tell what is a pixel's path and what is not.
    """

    secret: Any = field(default=None, repr=False)
    fallbacks: Any = field(default=None, repr=False)
    app_url: Any = None
    prefix: Any = None
    link_fallback_url: Any = None
    link_query: Any = None
    honour_gpc: Any = None
    background: Any = None
    background_queue: Any = None
    suffix: str | None = None
    shared: bool = False


# -- from values to an endpoint -------------------------------------------------------


@functools.lru_cache(maxsize=16)
def _box(secret: str | bytes, fallbacks: tuple[str | bytes, ...]) -> TokenBox:
    return TokenBox(secret, fallbacks)


def token_box(configuration: Configuration) -> TokenBox:
    """Give the box for the secrets of a configuration.

    Raises:
        PtrackConfigurationError: One of them is missing or bad.
    """
    # By no names of their own: error trackers show what a frame holds.
    _raise_first(
        secret_problem(configuration.secret),
        fallbacks_problem(configuration.fallbacks),
    )
    return _box(configuration.secret, tuple(configuration.fallbacks or ()))


# Looked up at each use: any pixels.py may assign another, at any time. Not by a
# function of ours, which every hit would pay for.
_encoder_in_force: Callable[[], Encoder] = functools.partial(
    getattr, ptrack, "ptrack_encoder"
)


def build(
    configuration: Configuration,
    *,
    encoder: Encoder | None = None,
    tracker: Tracker = tracker,
) -> Endpoint:
    """Make the endpoint of a configuration.

    Args:
        configuration: Where its values come from.
        encoder: Instead of ``ptrack.ptrack_encoder``; does without a secret.
        tracker: Instead of ``ptrack.tracker``.

    Raises:
        PtrackConfigurationError: A value that is needed is missing, or one is bad.
    """
    _raise_first(
        prefix_problem(configuration.prefix),
        link_fallback_problem(configuration.link_fallback_url),
        link_query_problem(configuration.link_query),
        honour_gpc_problem(configuration.honour_gpc),
        background_problem(configuration.background, configuration.background_queue),
    )
    needs_no_secret = encoder is not None and configuration.secret is None
    return Endpoint(
        None if needs_no_secret else token_box(configuration),
        encoder=_encoder_in_force if encoder is None else lambda: encoder,
        tracker=tracker,
        prefix=_or_default(configuration.prefix),
        app_url=str(configuration.app_url or ""),
        suffix="/" if configuration.suffix is None else configuration.suffix,
        shared=configuration.shared,
        link_fallback_url=configuration.link_fallback_url or None,
        link_query=configuration.link_query or (),
        honour_gpc=bool(configuration.honour_gpc),
        engine=background_engine(configuration),
    )


def background_engine(configuration: Configuration) -> LazyEngine | None:
    """Give what takes the callbacks that run in the background, if anything does.

    Args:
        configuration: Where its values come from, which are good.
    """
    if not configuration.background:
        return None
    return LazyEngine(configuration.background, configuration.background_queue or None)


def _or_default(prefix: str | None) -> str:
    return DEFAULT_PREFIX if prefix is None else normal_prefix(prefix)


def _raise_first(*problems: str | None) -> None:
    for problem in problems:
        if problem is not None:
            raise PtrackConfigurationError(problem)


# -- the environment ------------------------------------------------------------------


def from_environment(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read the environment; an empty variable is one that isn't set.

    ``PTRACK_SECRET_FALLBACKS`` and ``PTRACK_LINK_QUERY`` are split at commas, white
    space around each dropped. ``PTRACK_LINK_QUERY`` and ``PTRACK_HONOUR_GPC`` may be
    ``true`` or ``false``.
    """
    found = environ.get
    return Configuration(
        secret=found("PTRACK_SECRET") or None,
        fallbacks=listed(found("PTRACK_SECRET_FALLBACKS", "")),
        app_url=found("PTRACK_APP_URL") or None,
        prefix=found("PTRACK_PREFIX") or None,
        link_fallback_url=found("PTRACK_LINK_FALLBACK_URL") or None,
        link_query=switched_or_listed(found("PTRACK_LINK_QUERY", "")),
        honour_gpc=switched(found("PTRACK_HONOUR_GPC", "")),
        background=found("PTRACK_BACKGROUND") or None,
        background_queue=found("PTRACK_BACKGROUND_QUEUE") or None,
    )


def listed(text: str) -> tuple[str, ...]:
    """Give what is between the commas of a text, without the white space around."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def switched(text: str) -> Any:
    """Give what ``true``, ``false`` and an empty text say, and any other as it is."""
    return {"": None, "true": True, "false": False}.get(text.strip().lower(), text)


def switched_or_listed(text: str) -> Any:
    """Give what a text says: ``true``, ``false``, or else a list."""
    switch = switched(text)
    return listed(text) if switch is text else switch


def completed(given: Configuration) -> Configuration:
    """Take what isn't given from Django where it is configured, else the environment.

    Args:
        given: What is: ``None`` is what isn't. A prefix comes with its own suffix.

    Raises:
        PtrackConfigurationError: The app URL is bad. Other values are judged by
            `build`; this one a site of django-ptrack 3.0.0 may have as it likes.
    """
    found = in_force()
    if given.prefix is not None:
        found = replace(found, suffix=None, shared=False)
    found = replace(found, **_values_of(given))
    _raise_first(app_url_problem(found.app_url))
    return found


def _values_of(given: Configuration) -> dict[str, Any]:
    values = {each.name: getattr(given, each.name) for each in fields(given)}
    return {
        name: value
        for name, value in values.items()
        if value is not None and name != "shared"
    }


def in_force() -> Configuration:
    """Read Django's settings where they are configured, else the environment."""
    return from_django() if in_django() else from_environment()


# -- Django's settings ----------------------------------------------------------------


def in_django() -> bool:
    """Tell whether Django's settings are configured, without importing Django."""
    if _django_endpoint is not None:
        return True
    conf = sys.modules.get("django.conf")
    if conf is not None and conf.settings.configured:
        return True
    return bool(os.environ.get("DJANGO_SETTINGS_MODULE"))


def set_up_django() -> None:
    """Load the apps of a site whose settings are named, for a process of our own."""
    if in_django():
        import django

        django.setup()


def from_django() -> Configuration:
    """Read Django's settings."""
    return _read_django()[0]


def _read_django() -> tuple[Configuration, bool]:
    """Read Django's settings, and tell whether the answer is there to stay."""
    found = _set_in_django()
    if found.prefix is not None:
        return found, True
    place, settled = included_at()
    if place is None:
        return found, settled
    # At the site's root all its pages are under the prefix, and nobody asked for that;
    # a path that ends in something of the site's own is for its URLconf to take apart.
    shared = place.prefix == "/" or place.suffix not in ("", "/")
    return (
        replace(found, prefix=place.prefix, suffix=place.suffix, shared=shared),
        settled,
    )


def _set_in_django() -> Configuration:
    settings = _settings()
    return Configuration(
        secret=getattr(settings, "PTRACK_SECRET", None),
        fallbacks=getattr(settings, "PTRACK_SECRET_FALLBACKS", None),
        app_url=getattr(settings, "PTRACK_APP_URL", None),
        prefix=getattr(settings, "PTRACK_PREFIX", None),
        link_fallback_url=getattr(settings, "PTRACK_LINK_FALLBACK_URL", None),
        link_query=getattr(settings, "PTRACK_LINK_QUERY", None),
        honour_gpc=getattr(settings, "PTRACK_HONOUR_GPC", None),
        background=getattr(settings, "PTRACK_BACKGROUND", None),
        background_queue=getattr(settings, "PTRACK_BACKGROUND_QUEUE", None),
    )


def django_place() -> "Place":
    """Give where the URLs that are made under Django's settings lead."""
    from .urlconf import Place

    found = from_django()
    suffix = "/" if found.suffix is None else found.suffix
    return Place(_or_default(found.prefix), suffix)


def included_at() -> "tuple[Place | None, bool]":
    """Find out where the site's URLconf includes ``ptrack.urls``.

    Returns:
        The place, or ``None`` if ``reverse("ptrack")`` finds none or the URLconf can't
        be imported; and whether that is settled, which it isn't while the URLconf is
        still being imported.
    """
    from .urlconf import place_in

    urlconf = getattr(_settings(), "ROOT_URLCONF", None)
    if urlconf is None:
        return None, True
    try:
        return place_in(urlconf, language()), True
    except Exception:
        half_imported = isinstance(urlconf, str) and urlconf in sys.modules
        if not half_imported:
            # Django will say so too, but of a second try, which may fail differently.
            logger.warning(
                "The URLconf %s can't be imported; pixels are expected under %s",
                urlconf,
                DEFAULT_PREFIX,
                exc_info=True,
            )
        return None, not half_imported


def language() -> str:
    """Give the language that the site has where nobody asked for another."""
    code: str = _settings().LANGUAGE_CODE
    return code


def project_packages() -> list[str]:
    """Give the packages that hold the site's settings and URLconf, innermost first."""
    modules = (
        os.environ.get("DJANGO_SETTINGS_MODULE"),
        getattr(_settings(), "ROOT_URLCONF", None),
    )
    found: dict[str, None] = {}
    for module in modules:
        package = module if isinstance(module, str) else ""
        while package := package.rpartition(".")[0]:
            found[package] = None
    return list(found)


def tasks_options() -> dict[str, str]:
    """Give what Django's ``task`` is to be told of where jobs go."""
    found = _set_in_django()
    name, _, backend = str(found.background or "").partition(":")
    options = {"backend": backend, "queue_name": found.background_queue}
    return {key: value for key, value in options.items() if value and name == "tasks"}


def register_task() -> None:
    """Let Celery's workers know the task, if it is Celery that brings them jobs."""
    name = str(_set_in_django().background or "").partition(":")[0]
    if name == "celery":
        # That it isn't installed is for the check to say, or the first request.
        with contextlib.suppress(PtrackConfigurationError):
            engines.load(name)


def uses_middleware(kind: type) -> bool:
    """Tell whether a middleware class, or one derived from it, is in the settings."""
    from django.utils.module_loading import import_string

    def is_one(path: str) -> bool:
        try:
            found = import_string(path)
        except ImportError:
            # Django's own error says so when it loads the middleware.
            return False
        return isinstance(found, type) and issubclass(found, kind)

    return any(map(is_one, _settings().MIDDLEWARE))


def improperly_configured(error: PtrackConfigurationError) -> Exception:
    """Give Django's own error for bad settings, with the same message."""
    from django.core.exceptions import ImproperlyConfigured

    return ImproperlyConfigured(str(error))


def _settings() -> Any:
    from django.conf import settings

    return settings


# -- the endpoint in force ------------------------------------------------------------

_django_endpoint: Endpoint | None = None
_overrides = 0
_overriding = threading.Lock()


def django_endpoint() -> Endpoint:
    """Give the endpoint of Django's settings, an override of them included.

    Raises:
        ImproperlyConfigured: A setting is missing or bad.
    """
    return _django_endpoint or _renewed_django_endpoint()


def start_django() -> None:
    """Find out now what would else go wrong at the first hit.

    Raises:
        ImproperlyConfigured: A setting is missing or bad, or the background engine
            isn't installed or set up.
    """
    try:
        django_endpoint().start()
    except PtrackConfigurationError as error:
        raise improperly_configured(error) from error


def _renewed_django_endpoint() -> Endpoint:
    global _django_endpoint
    _watch_overrides()
    overrides = _overrides
    configuration, settled = _read_django()
    try:
        found = build(configuration)
    except PtrackConfigurationError as error:
        raise improperly_configured(error) from None
    with _overriding:
        # What another thread has overridden meanwhile was read too early.
        if settled and overrides == _overrides:
            _django_endpoint = found
    return found


@functools.cache
def _watch_overrides() -> None:
    from django.core.signals import setting_changed

    setting_changed.connect(_forget, dispatch_uid="ptrack")


def _forget(*, setting: str, **_: Any) -> None:
    global _django_endpoint, _overrides
    if setting.startswith("PTRACK_") or setting in ("ROOT_URLCONF", "LANGUAGE_CODE"):
        with _overriding:
            _django_endpoint = None
            _overrides += 1


# -- who is believed about the client's address ---------------------------------------


@dataclass(frozen=True)
class TrustedProxies:
    """Who is believed about where a request came from.

    Attributes:
        networks: Those of the proxies.
        unix: Peers that have no address are proxies too.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False


def trusted_proxies() -> TrustedProxies:
    """Give ``PTRACK_TRUSTED_PROXIES``, of Django's settings or of the environment.

    Raises:
        PtrackConfigurationError: It is bad.
        ImproperlyConfigured: Likewise, under Django.
    """
    if not in_django():
        return _trusted_proxies(listed(os.environ.get("PTRACK_TRUSTED_PROXIES", "")))
    found = getattr(_settings(), "PTRACK_TRUSTED_PROXIES", None)
    try:
        if isinstance(found, Collection) and not isinstance(found, str | bytes):
            return _trusted_proxies(tuple(map(str, found)))
        _raise_first(trusted_proxies_problem(found))
        return TrustedProxies()
    except PtrackConfigurationError as error:
        raise improperly_configured(error) from None


@functools.lru_cache(maxsize=16)
def _trusted_proxies(proxies: tuple[str, ...]) -> TrustedProxies:
    _raise_first(trusted_proxies_problem(proxies))
    networks = [ip_network(proxy) for proxy in proxies if proxy != UNIX_SOCKET]
    return TrustedProxies(tuple(networks), unix=UNIX_SOCKET in proxies)


# -- what is kept of each hit ---------------------------------------------------------


@dataclass(frozen=True)
class Opens:
    """What `ptrack.opens` keeps.

    Attributes:
        key: ``PTRACK_OPENS_KEY``: the keyword that unique opens are counted by.
        ip: ``PTRACK_OPENS_IP``: ``"short"``, ``"full"``, or ``None`` for no address.
    """

    key: str | None = None
    ip: str | None = None


def opens() -> Opens:
    """Give what Django's settings say of `ptrack.opens`.

    Raises:
        ImproperlyConfigured: A setting is bad.
    """
    key, ip = opens_settings()
    try:
        _raise_first(opens_key_problem(key), opens_ip_problem(ip))
    except PtrackConfigurationError as error:
        raise improperly_configured(error) from None
    return Opens(key, "short" if ip is True else ip or None)


def opens_settings() -> tuple[Any, Any]:
    """Give ``PTRACK_OPENS_KEY`` and ``PTRACK_OPENS_IP`` as they are set."""
    settings = _settings()
    return (
        getattr(settings, "PTRACK_OPENS_KEY", None),
        getattr(settings, "PTRACK_OPENS_IP", None),
    )


def uses_time_zones() -> bool:
    """Tell whether the site's database takes times that know their zone."""
    return bool(_settings().USE_TZ)


# -- the endpoint outside Django ------------------------------------------------------


def environment_endpoint() -> Endpoint:
    """Give the endpoint of the environment.

    Raises:
        PtrackConfigurationError: A variable is missing or bad.
    """
    return _built(from_environment())


@functools.lru_cache(maxsize=16)
def _built(configuration: Configuration) -> Endpoint:
    return build(configuration)


def _box_in_force() -> TokenBox:
    if not in_django():
        return token_box(from_environment())
    try:
        return token_box(_set_in_django())
    except PtrackConfigurationError as error:
        raise improperly_configured(error) from None


encoders.configure(_box_in_force)
