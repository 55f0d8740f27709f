"""URLs made with the project's settings: `pixel_url`, `pixel_tag` and `link_url`."""

import functools
from collections.abc import Callable
from typing import Any

from . import conf, endpoints
from .core.endpoint import Endpoint
from .core.kinds import LINK, PIXEL
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
    return _render(
        lambda endpoint, mount: endpoint.url(PIXEL, args, kwargs, mount=mount)
    )


def pixel_tag(*args: Any, **kwargs: Any) -> str:
    """Return the ``<img>`` of a pixel that carries the arguments.

    Args:
        args: As for `pixel_url`.
        kwargs: As for `pixel_url`.

    Returns:
        ``<img src="URL" width=1 height=1>``; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `pixel_url`.
    """
    return _render(lambda endpoint, mount: endpoint.tag(args, kwargs, mount))


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
    return _render(lambda endpoint, mount: endpoint.url(LINK, args, kwargs, url, mount))


def make_owner() -> Callable[[str], bool]:
    """Return a function that decides whether an absolute URL is one of ptrack's.

    Raises:
        PtrackConfigurationError: As for `pixel_url`.
    """
    if not endpoints.uses_django():
        return endpoints.get_environment_endpoint().owns
    get_script_prefix, _ = _import_django()
    return functools.partial(
        endpoints.get_django_endpoint().owns, mount=get_script_prefix()
    )


def _render(render: Callable[[Endpoint, str], str]) -> str:
    if not endpoints.uses_django():
        return render(endpoints.get_environment_endpoint(), "/")
    get_script_prefix, mark_safe = _import_django()
    endpoint = endpoints.get_django_endpoint()
    try:
        # The URL is quoted, and in the tag escaped as well.
        return mark_safe(render(endpoint, get_script_prefix()))
    except PtrackConfigurationError as error:
        raise conf.to_improperly_configured(error) from None


@functools.cache
def _import_django() -> tuple[Callable[[], str], Callable[[str], str]]:
    """Import once the parts of Django that each URL needs under Django."""
    from django.urls import get_script_prefix  # Only under Django.
    from django.utils.safestring import SafeString

    return get_script_prefix, SafeString
