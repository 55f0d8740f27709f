"""Where in a plain text the URLs are."""

import functools
from typing import Any, NamedTuple


class Found(NamedTuple):
    """A URL in a text.

    Attributes:
        start: Where it starts.
        end: Where it ends, the full stop after it not counted.
    """

    start: int
    end: int


def urls(text: str) -> list[Found]:
    """Find the URLs of http and https that are spelt out in a text.

    Where one ends is judged by linkify-it, as it is for Markdown: brackets around it
    and punctuation after it aren't part of it.

    Raises:
        ImportError: linkify-it-py isn't there; the message says how to install it.
    """
    return [
        Found(match.index, match.last_index) for match in _linkify().match(text) or ()
    ]


@functools.cache
def _linkify() -> Any:
    try:
        from linkify_it import LinkifyIt  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ImportError(
            "tracking the URLs of plain text needs linkify-it-py: "
            'pip install "django-ptrack[email]"'
        ) from None
    finder = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False})
    for schema in ("ftp:", "//", "mailto:"):
        finder.add(schema, None)
    return finder
