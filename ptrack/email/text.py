"""The URLs in a plain text."""

import functools
import logging
import re
from typing import Any, NamedTuple

from ptrack.core.logs import log

MOST_URLS = 10
"""In one word: linkify-it reads from each URL to the end of the word."""

# Every URL ends at white space, and at these brackets (RFC 3986, appendix C).
_WORD = re.compile(r"[^\s<>]+")
_SCHEME = re.compile("https?:", re.I | re.ASCII)
# linkify-it reads such a label of a host in two ways, n of them in 2 ** n ways.
_ENCODED_LABEL = re.compile("xn--(?=[a-z0-9])", re.I | re.ASCII)


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
    punctuation after it aren't part of it. Its time grows with the number of URLs in a
    word times the length of the word. So a word with more than `MOST_URLS` is left out,
    and a warning is logged.

    Raises:
        ImportError: linkify-it-py isn't installed; the message says how to install it.
    """
    finder, found, left_out = _make_finder(), [], 0
    for word in _WORD.finditer(text):
        count = len(_SCHEME.findall(word[0]))
        if count > MOST_URLS:
            left_out += 1
        elif count:
            found += _find_in_word(finder, word)
    if left_out:
        log(
            logging.WARNING,
            "Plain text has %d words with more than %d URLs each. They stay as they "
            "are: put spaces between URLs",
            left_out,
            MOST_URLS,
        )
    return found


def _find_in_word(finder: Any, word: re.Match[str]) -> list[FoundUrl]:
    matches = finder.match(_ENCODED_LABEL.sub("xnxx", word[0])) or ()
    return [
        FoundUrl(
            word.start() + match.index,
            word.start() + match.last_index,
            word[0][match.index : match.last_index],
        )
        for match in matches
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
