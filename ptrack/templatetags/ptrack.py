"""``{% load ptrack %}``: pixels and tracked links in a Django template.

- ``{% ptrack 'arg' key='value' %}`` renders the ``<img>`` of a pixel,
- ``{% ptrack_url 'arg' key='value' %}`` its URL,
- ``{% ptrack_link url 'arg' key='value' %}`` the URL of a tracked link.
"""

from django import template

from ptrack import link_url, pixel_tag, pixel_url

register = template.Library()
register.simple_tag(pixel_tag, name="ptrack")
register.simple_tag(pixel_url, name="ptrack_url")
register.simple_tag(link_url, name="ptrack_link")
