"""``{% load ptrack %}``: pixels and tracked links in a Django template."""

from typing import Any

from django import template

from ptrack import link_url, pixel_tag, pixel_url

register = template.Library()


@register.simple_tag(name="ptrack")
def ptrack_tag(*args: Any, **kwargs: Any) -> str:
    """Render ``{% ptrack 'arg' key='value' %}``, the ``<img>`` of a pixel."""
    return pixel_tag(*args, **kwargs)


@register.simple_tag
def ptrack_url(*args: Any, **kwargs: Any) -> str:
    """Render ``{% ptrack_url 'arg' key='value' %}``, the URL of a pixel."""
    return pixel_url(*args, **kwargs)


@register.simple_tag
def ptrack_link(url: str, /, *args: Any, **kwargs: Any) -> str:
    """Render ``{% ptrack_link url 'arg' key='value' %}``, the URL of a tracked link."""
    return link_url(url, *args, **kwargs)
