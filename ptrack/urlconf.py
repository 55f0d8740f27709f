"""Where a URLconf has the pixels.

Found out by reversing the name that ``ptrack.urls`` gives, as django-ptrack 3.0.0 did
for each URL.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.urls import (
    NoReverseMatch,
    Resolver404,
    get_script_prefix,
    resolve,
    reverse,
    set_script_prefix,
)
from django.utils import translation

URL_NAME = "ptrack"
TOKEN_ARGUMENT = "ptrack_encoded_data"  # noqa: S105 - a name in the URLconf

# Shaped like a token, for URLconfs that say what one looks like.
PROBE = "A" * 64


class Place(NamedTuple):
    """Where a URLconf has the pixels: what is before the token and what is after."""

    prefix: str
    suffix: str


@functools.lru_cache(maxsize=16)
def place_in(urlconf: Any, language: str) -> Place | None:
    """Find the place in a URLconf, once per URLconf and language.

    Args:
        urlconf: What ``ROOT_URLCONF`` may be.
        language: The site's own, for ``i18n_patterns``.

    Returns:
        The place, as for an app at the root; ``None`` if ``reverse("ptrack")`` finds
        none.

    Raises:
        Exception: Whatever the URLconf raises when it is imported.
    """
    with _neutral_urls(language):
        try:
            path = reverse(URL_NAME, urlconf=urlconf, kwargs={TOKEN_ARGUMENT: PROBE})
        except NoReverseMatch:
            return None
    prefix, _, suffix = unquote(path).rpartition(PROBE)
    return Place(prefix, suffix)


def view_at(place: Place, language: str) -> Any:
    """Give the view that a pixel's path at this place is routed to, or ``None``."""
    with _neutral_urls(language):
        try:
            return resolve(f"{place.prefix}{PROBE}{place.suffix}").func
        except Resolver404:
            return None


@contextmanager
def _neutral_urls(language: str) -> Iterator[None]:
    mount = get_script_prefix()
    set_script_prefix("/")
    try:
        with translation.override(language):
            yield
    finally:
        set_script_prefix(mount)
