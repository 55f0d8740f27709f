"""Rendering with the project's settings: `pixel_url` and `pixel_tag`."""

from collections.abc import Callable
from typing import Any

from . import conf
from .endpoint import Endpoint
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


def _rendered(
    render: Callable[..., str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str:
    if not conf.in_django():
        return render(conf.environment_endpoint(), args, kwargs)
    from django.urls import get_script_prefix
    from django.utils.safestring import mark_safe

    endpoint = conf.django_endpoint()
    try:
        # The URL is quoted, and in the tag escaped as well.
        return mark_safe(  # noqa: S308
            render(endpoint, args, kwargs, get_script_prefix())
        )
    except PtrackConfigurationError as error:
        raise conf.improperly_configured(error) from None
