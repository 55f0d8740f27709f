"""URLs made with the project's settings: `pixel_url`, `pixel_tag` and `link_url`."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from . import conf, endpoints
from .core.endpoint import Carried, Endpoint, make_tag
from .core.kinds import LINK, PIXEL, Kind
from .exceptions import PtrackConfigurationError

Url = TypeVar("Url", str, str | None)


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
    return _mark_safe(_call(_find_endpoint().url, PIXEL, args, kwargs))


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
    url = _call(endpoint.url, PIXEL, args, kwargs)
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
    return _mark_safe(_call(_find_endpoint().url, LINK, args, kwargs, url))


def make_short_url(
    kind: Kind, args: tuple[Any, ...], kwargs: dict[str, Any], target: str | None = None
) -> str | None:
    """Return a URL, but nothing if it would exceed 2,000 characters; log nothing.

    Args:
        kind: The kind of the URL.
        args: The positional arguments for the callbacks.
        kwargs: The keyword arguments for the callbacks.
        target: A link's target.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `link_url`.
    """
    return _call(_find_endpoint().short_url, kind, args, kwargs, target)


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


def _call(make: Callable[..., Url], *details: Any) -> Url:
    """Call a method of the endpoint in force, under Django with the app's mount."""
    if not endpoints.uses_django():
        return make(*details)
    get_script_prefix, _ = _import_django()
    try:
        return make(*details, mount=get_script_prefix())
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
