"""The place where a URLconf includes ``ptrack.urls``.

Reversing the name of its pattern finds it, as django-ptrack 3.0.0 did for each URL.
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

# In the shape of a token: a URLconf may have a pattern for that.
PROBE = "A" * 64


class Place(NamedTuple):
    """The path of a pixel in a URLconf: the parts before and after the token."""

    prefix: str
    suffix: str


@functools.lru_cache(maxsize=16)
def find_place(urlconf: Any, language: str) -> Place | None:
    """Find the place in a URLconf, once per URLconf and language.

    Args:
        urlconf: A value that ``ROOT_URLCONF`` may have.
        language: The site's own language, for ``i18n_patterns``.

    Returns:
        The place, as for an app at the root; ``None`` if ``reverse("ptrack")`` finds
        none.

    Raises:
        Exception: The URLconf can't be imported.
    """
    with _neutralise_urls(language):
        try:
            path = reverse(URL_NAME, urlconf=urlconf, kwargs={TOKEN_ARGUMENT: PROBE})
        except NoReverseMatch:
            return None
    prefix, _, suffix = unquote(path).rpartition(PROBE)
    return Place(prefix, suffix)


def find_view(place: Place, language: str) -> Any:
    """Return the view that a pixel's path at this place is routed to, or ``None``."""
    with _neutralise_urls(language):
        try:
            return resolve(f"{place.prefix}{PROBE}{place.suffix}").func
        except Resolver404:
            return None


@contextmanager
def _neutralise_urls(language: str) -> Iterator[None]:
    """Run a block as for an app at the root, in the site's own language."""
    mount = get_script_prefix()
    set_script_prefix("/")
    try:
        with translation.override(language):
            yield
    finally:
        set_script_prefix(mount)
