"""URLs made with the project's settings: `pixel_url`, `pixel_tag` and `link_url`."""

import functools
from collections.abc import Callable
from typing import Any

from . import conf, endpoints
from .core.endpoint import Carried, Endpoint, make_tag
from .core.kinds import LINK, PIXEL, Kind
from .exceptions import PtrackConfigurationError


def pixel_url(*args: Any, **kwargs: Any) -> str:
    """Return the URL of a pixel that carries the arguments.

    Args:
        args: The positional arguments of `TrackingPixel.record`: str, int, finite
            float, bool, None, lists and dicts with str keys of these.
        kwargs: Its keyword arguments.

    Returns:
        An absolute URL; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError: An argument can't be carried; the message names it.
        PtrackConfigurationError: The environment lacks ``PTRACK_SECRET`` or
            ``PTRACK_APP_URL``. Under Django, ``ImproperlyConfigured``.
    """
    return _mark_safe(_make_url(_find_endpoint(), PIXEL, args, kwargs))


def pixel_tag(*args: Any, **kwargs: Any) -> str:
    """Return the ``<img>`` of a pixel that carries the arguments.

    Args:
        args: As for `pixel_url`.
        kwargs: As for `pixel_url`.

    Returns:
        ``<img src="URL" width=1 height=1>``, or with the attributes of
        ``PTRACK_IMG_ATTRIBUTES``; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `pixel_url`.
    """
    endpoint = _find_endpoint()
    url = _make_url(endpoint, PIXEL, args, kwargs)
    return _mark_safe(make_tag(url, endpoint.img_attributes))


def link_url(url: str, /, *args: Any, **kwargs: Any) -> str:
    """Return the URL of a link that leads to another URL, and is recorded if followed.

    Args:
        url: The target, an absolute URL of http or https.
        args: The positional arguments of `TrackingLink.record`, after the target.
        kwargs: Its keyword arguments.

    Returns:
        An absolute URL; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError: The target isn't such a URL, or an argument can't be
            carried.
        PtrackConfigurationError: As for `pixel_url`.
    """
    return _mark_safe(_make_url(_find_endpoint(), LINK, args, kwargs, url))


def make_owner() -> Callable[[str], bool]:
    """Return a function that decides whether an absolute URL is one of ptrack's.

    Raises:
        PtrackConfigurationError: As for `pixel_url`.
    """
    owns = _find_endpoint().owns
    if not endpoints.uses_django():
        return owns
    get_script_prefix, _ = _import_django()
    return functools.partial(owns, mount=get_script_prefix())


def _find_endpoint() -> Endpoint:
    if endpoints.uses_django():
        return endpoints.get_django_endpoint()
    return endpoints.get_environment_endpoint()


def read_url(url: str) -> Carried | None:
    """Return the content of one of ptrack's URLs, without recording a hit.

    Args:
        url: Any URL.

    Returns:
        ``None`` if it can't be read.

    Raises:
        PtrackConfigurationError: As for `pixel_url`.
    """
    read = _find_endpoint().read_url(url)
    return None if read is None else read[1]


def _make_url(
    endpoint: Endpoint,
    kind: Kind,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    target: str | None = None,
) -> str:
    if not endpoints.uses_django():
        return endpoint.url(kind, args, kwargs, target)
    get_script_prefix, _ = _import_django()
    try:
        return endpoint.url(kind, args, kwargs, target, get_script_prefix())
    except PtrackConfigurationError as error:
        raise conf.to_improperly_configured(error) from None


def _mark_safe(text: str) -> str:
    """Tell Django that the text is escaped: a URL is quoted, and a tag escapes it."""
    if not endpoints.uses_django():
        return text
    _, mark_safe = _import_django()
    return mark_safe(text)


@functools.cache
def _import_django() -> tuple[Callable[[], str], Callable[[str], str]]:
    """Import once the parts of Django that each URL needs under Django."""
    from django.urls import get_script_prefix  # Only under Django.
    from django.utils.safestring import SafeString

    return get_script_prefix, SafeString
