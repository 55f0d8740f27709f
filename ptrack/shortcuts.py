"""Rendering with the project's settings: `pixel_url`, `pixel_tag` and `link_url`."""

import functools
from collections.abc import Callable
from typing import Any

from . import conf
from .core.endpoint import Endpoint
from .exceptions import PtrackConfigurationError


def pixel_url(*args: Any, **kwargs: Any) -> str:
    """Give the URL of a pixel that carries the arguments.

    Args:
        args: What `TrackingPixel.record` is to get as positional arguments: str, int,
            finite float, bool, None, lists and dicts with str keys of these.
        kwargs: What it is to get as keyword arguments.

    Returns:
        An absolute URL; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError: An argument can't be carried; the message names it.
        PtrackConfigurationError: The environment lacks ``PTRACK_SECRET`` or
            ``PTRACK_APP_URL``. Under Django, ``ImproperlyConfigured``.
    """
    return _rendered(Endpoint.url, args, kwargs)


def pixel_tag(*args: Any, **kwargs: Any) -> str:
    """Give the ``<img>`` of a pixel that carries the arguments.

    Takes and raises what `pixel_url` does.

    Returns:
        ``<img src="URL" width=1 height=1>``; under Django a ``SafeString``.
    """
    return _rendered(Endpoint.tag, args, kwargs)


def link_url(url: str, /, *args: Any, **kwargs: Any) -> str:
    """Give the URL of a link that leads to another URL, and is recorded when followed.

    Args:
        url: The target, an absolute URL of http or https.
        args: What `TrackingLink.record` is to get as positional arguments, after the
            target.
        kwargs: What it is to get as keyword arguments.

    Returns:
        An absolute URL; under Django a ``SafeString``.

    Raises:
        TypeError, ValueError: The target is none, or an argument can't be carried.
        PtrackConfigurationError: As for `pixel_url`.
    """

    def render(endpoint: Endpoint, *rest: Any) -> str:
        return endpoint.link(url, *rest)

    return _rendered(render, args, kwargs)


def owner() -> Callable[[str], bool]:
    """Give what tells of an absolute URL whether `pixel_url` or `link_url` gave it.

    Raises:
        PtrackConfigurationError: As for `pixel_url`.
    """
    if not conf.in_django():
        return conf.environment_endpoint().owns
    get_script_prefix, _ = _django()
    return functools.partial(conf.django_endpoint().owns, mount=get_script_prefix())


def _rendered(
    render: Callable[..., str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str:
    if not conf.in_django():
        return render(conf.environment_endpoint(), args, kwargs)
    get_script_prefix, safe = _django()
    endpoint = conf.django_endpoint()
    try:
        # The URL is quoted, and in the tag escaped as well.
        return safe(render(endpoint, args, kwargs, get_script_prefix()))
    except PtrackConfigurationError as error:
        raise conf.improperly_configured(error) from None


@functools.cache
def _django() -> tuple[Callable[[], str], Callable[[str], str]]:
    """Import once what every URL under Django needs."""
    from django.urls import get_script_prefix
    from django.utils.safestring import SafeString

    return get_script_prefix, SafeString
