"""The endpoints that the settings make, each built once for a set of values."""

import functools
import threading
from collections.abc import Callable
from typing import Any

from . import conf, startup
from .conf import SETTINGS, Configuration
from .core.callbacks import Tracker, tracker
from .core.endpoint import IMG_ATTRIBUTES, Endpoint
from .core.engines import LazyEngine
from .core.tokens import Encoder, TokenBox
from .exceptions import PtrackConfigurationError


@functools.lru_cache(maxsize=16)
def _make_box(secret: str | bytes, fallbacks: tuple[str | bytes, ...]) -> TokenBox:
    return TokenBox(secret, fallbacks)


def make_box(configuration: Configuration) -> TokenBox:
    """Return the box for the secrets.

    Raises:
        PtrackConfigurationError: One of them is missing or bad.
    """
    configuration.check(each for each in SETTINGS if each.name in conf.SECRETS)
    return _make_box(
        configuration.get("PTRACK_SECRET"),
        tuple(configuration.get("PTRACK_SECRET_FALLBACKS") or ()),
    )


def make_box_in_force() -> TokenBox:
    """Return the box for the secrets in force.

    Raises:
        PtrackConfigurationError: As for `make_box`. Under Django,
            ``ImproperlyConfigured``.
    """
    if not conf.uses_django():
        return make_box(conf.read_environment())
    try:
        return make_box(
            Configuration({name: conf.get_django(name) for name in conf.SECRETS})
        )
    except PtrackConfigurationError as error:
        raise conf.to_improperly_configured(error) from None


def _make_encoder_finder() -> Callable[[], Encoder | None]:
    """Return a function that finds the encoder in force; ``None`` for the default."""
    import ptrack  # Its ptrack_encoder may be assigned by any pixels.py, at any time.

    default = ptrack.PtrackEncoder

    def find() -> Encoder | None:
        found = ptrack.ptrack_encoder
        return None if found is default else found

    return find


def build(
    configuration: Configuration,
    *,
    encoder: Encoder | None = None,
    tracker: Tracker = tracker,
    lenient: bool = False,
) -> Endpoint:
    """Return the endpoint of a configuration.

    Args:
        configuration: The values.
        encoder: Used instead of ``ptrack.ptrack_encoder``; it works without a secret.
        tracker: Used instead of ``ptrack.tracker``.
        lenient: Let some settings have any value: see `Setting`.

    Raises:
        PtrackConfigurationError: A value is missing or bad.
    """
    needs_no_secret = encoder is not None and configuration.get("PTRACK_SECRET") is None
    configuration.check(
        setting
        for setting in SETTINGS
        if not (lenient and setting.tolerates(configuration.get(setting.name)))
        and not (needs_no_secret and setting.required)
    )
    return Endpoint(
        None if needs_no_secret else make_box(configuration),
        encoder=_make_encoder_finder() if encoder is None else lambda: encoder,
        tracker=tracker,
        prefix=conf.choose_prefix(configuration),
        app_url=str(configuration.get("PTRACK_APP_URL") or ""),
        suffix=configuration.suffix,
        shared=configuration.shared,
        link_fallback_url=configuration.get("PTRACK_LINK_FALLBACK_URL") or None,
        link_query=configuration.get("PTRACK_LINK_QUERY") or (),
        honour_gpc=bool(configuration.get("PTRACK_HONOUR_GPC")),
        img_attributes=_choose_img_attributes(configuration),
        engine=make_engine(configuration),
    )


def _choose_img_attributes(configuration: Configuration) -> str:
    # An empty text is a choice too.
    found = configuration.get("PTRACK_IMG_ATTRIBUTES")
    return IMG_ATTRIBUTES if found is None else found.strip()


def make_engine(configuration: Configuration) -> LazyEngine | None:
    """Return the background engine, if one is set; the settings have to be good."""
    spec = configuration.get("PTRACK_BACKGROUND")
    if not spec:
        return None
    from .background import load_engine  # A site without an engine needs none of it.

    queue = configuration.get("PTRACK_BACKGROUND_QUEUE") or None
    return LazyEngine(functools.partial(load_engine, spec, queue))


# -- the endpoint in force ------------------------------------------------------------

_django_endpoint: Endpoint | None = None
_overrides = 0
_overriding = threading.Lock()


def uses_django() -> bool:
    """Return whether Django's settings make the endpoint in force."""
    # Asking Django takes longer, and the answer stays the same once it is yes.
    return _django_endpoint is not None or conf.uses_django()


def get_django_endpoint() -> Endpoint:
    """Return the endpoint of Django's settings, an override of them included.

    Raises:
        ImproperlyConfigured: A setting is missing or bad.
    """
    return _django_endpoint or _renew_django_endpoint()


def start_django() -> None:
    """Raise now the error that the first hit would cause.

    Raises:
        ImproperlyConfigured: A setting is missing or bad, or the background engine
            isn't installed or set up.
    """
    try:
        get_django_endpoint().start()
    except PtrackConfigurationError as error:
        raise conf.to_improperly_configured(error) from error


def _renew_django_endpoint() -> Endpoint:
    global _django_endpoint
    _watch_overrides()
    overrides = _overrides
    configuration = conf.read_django()
    try:
        found = build(configuration, lenient=True)
    except PtrackConfigurationError as error:
        raise conf.to_improperly_configured(error) from None
    with _overriding:
        # If another thread has overridden a setting meanwhile, this was read too early.
        if configuration.is_final and overrides == _overrides:
            _django_endpoint = found
    return found


@functools.cache
def _watch_overrides() -> None:
    from django.core.signals import setting_changed  # Only under Django.

    setting_changed.connect(_forget, dispatch_uid="ptrack")


def _forget(*, setting: str, **_: Any) -> None:
    global _django_endpoint, _overrides
    if setting.startswith("PTRACK_") or setting in conf.ROUTING:
        with _overriding:
            _django_endpoint = None
            _overrides += 1


def get_environment_endpoint() -> Endpoint:
    """Return the endpoint of the environment.

    Raises:
        PtrackConfigurationError: A variable is missing or bad.
    """
    return _build_once(conf.read_environment())


@functools.lru_cache(maxsize=16)
def _build_once(configuration: Configuration) -> Endpoint:
    endpoint = build(configuration)
    startup.warn_of_settings(configuration)
    return endpoint
