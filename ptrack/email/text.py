"""The URLs in a plain text."""

import functools
from typing import Any, NamedTuple


class FoundUrl(NamedTuple):
    """A URL in a text.

    Attributes:
        start: Its start.
        end: Its end, before a full stop that follows it.
        url: The URL.
    """

    start: int
    end: int
    url: str


def find_urls(text: str) -> list[FoundUrl]:
    """Find the URLs of http and https that are spelt out in a text, in order.

    linkify-it finds the end of each, as for Markdown: brackets around a URL and
    punctuation after it aren't part of it.

    Raises:
        ImportError: linkify-it-py isn't installed; the message says how to install it.
    """
    return [
        FoundUrl(match.index, match.last_index, text[match.index : match.last_index])
        for match in _make_finder().match(text) or ()
    ]


@functools.cache
def _make_finder() -> Any:
    try:
        from linkify_it import LinkifyIt  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ImportError(
            "finding the URLs of plain text needs linkify-it-py: "
            'pip install "django-ptrack[email]"'
        ) from None
    finder = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False})
    for schema in ("ftp:", "//", "mailto:"):
        finder.add(schema, None)
    return finder
