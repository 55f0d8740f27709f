"""The URLs in a plain text.

A URL is ASCII, and ends before white space and delimiters (RFC 3986, appendix C).
People also write URLs with letters of their own language (RFC 3987). Those of German or
Russian belong to the URL: words are between spaces. In Chinese or Japanese they aren't,
and the text goes on right behind a URL, so their letters end it. Mail programs don't
agree about such URLs (https://www.unicode.org/reports/tr58/, section 1). A URL that
surely goes on behind these letters stays as it is, and each program shows what it
always did: a tracked link to half a URL would be a wrong one.
"""

import functools
import html
import logging
import re
import unicodedata
from collections.abc import Iterable
from html.entities import html5
from typing import Any, NamedTuple
from urllib.parse import unquote

from ptrack.core.logs import log

MOST_URLS = 10
"""In one word: linkify-it reads from each URL to the end of the word."""

# All that a URL may have (RFC 3986, section 2), and the percent sign.
_ASCII = r"A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%"
_RUN = re.compile(f"[{_ASCII}]+")
# Behind these, it is a part of another URL, or of another scheme.
_SCHEME = re.compile(r"(?<![A-Za-z0-9+/=&?%@])https?://", re.I | re.ASCII)
# linkify-it reads such a label of a host in two ways, n of them in 2 ** n ways.
_ENCODED_LABEL = re.compile("xn--(?=[a-z0-9])", re.I | re.ASCII)
# HTML in the plain text of careless programs.
_REFERENCE = re.compile("&(?:#[0-9]{1,9}|#x[0-9a-f]{1,9}|[a-z][a-z0-9]{1,30});", re.I)
# Of a known URL, what is behind the part that is found in a text.
_LONGEST_REST = 8
_PUNCTUATION = ".,:;!?'*"
# Each ends a URL if it is before it as well; the longer one first.
_AROUND = ("**", "*", "~~", "'")
# Such a mark may be the URL's own: "'https://shop.example/o'neill'".
_MARK_INSIDE = re.compile(r"'[A-Za-z0-9]|['*]+[%/?=&][A-Za-z0-9]")
_LIST = re.compile(r"[,;]https?://", re.I | re.ASCII)

# Thai to Tibetan, Myanmar, Khmer, Tai, and all scripts of East Asia. Korean has spaces,
# but its particles follow without one.
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\ua4cf"
    "\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
    "\U00016fe0-\U0001b2ff\U0001f200-\U0001f2ff\U00020000-\U0003ffff]"
)
# Default_Ignorable_Code_Point:
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]+"
)
_MORE = re.compile(r"(?!https?://)\.?[A-Za-z0-9/?#&=%]", re.I | re.ASCII)
_GOES_ON = re.compile(r"[^\x00-\x7f\s]{1,50}[/?#&=%][A-Za-z0-9]")
# UTS 46 reads the first ones as dots.
_HOST_GOES_ON = re.compile(
    r"[^\x00-\x7f\s]{0,50}(?:[\u3002\uff0e\uff61][A-Za-z]"
    r"|[A-Za-z0-9-]{0,63}\.[A-Za-z0-9]|[A-Za-z0-9-]{1,63}/|/[A-Za-z0-9])"
)
# No URL has these, but some programs take them.
_ODD = re.compile(r"\{|[\\^|]\S|\"[A-Za-z0-9]")

_BRACKETS = ("<", "<URL:", "<url:")
_IN_BRACKETS = re.compile(r"(?P<url>[^\s<>]*)(?P<end>>|\s[^<>]{0,1000}>)")
_SOFT_BREAK = re.compile(r"\S{0,80} \r?\n")
_ANY_URL = re.compile(rf"(?:[{_ASCII}]|[^\x00-\x7f])+")


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


def find_urls(text: str, *, joined: bool = False) -> list[FoundUrl]:
    """Find the URLs of http and https that are spelt out in a text, in order.

    These aren't part of a URL: brackets, quotation marks and Markdown's emphasis around
    it, punctuation after it, and everything beyond ASCII but letters and digits.
    Between ``<`` and ``>``, all is the URL. One that may go on behind its last
    character of ASCII is left out; the description of the module says why.

    linkify-it knows which brackets belong to a URL. Its time grows with the number of
    URLs in a word times the length of the word. So a word with more than `MOST_URLS` is
    left out, and a warning is logged.

    Args:
        text: The text.
        joined: A space at the end of a line means that a reader's program joins the
            line and the next one without it (``DelSp=yes``, RFC 3676, section 4.1). A
            URL at such an end is left out.

    Raises:
        ImportError: linkify-it-py isn't installed; the message says how to install it.
    """
    finder, found, left_out, at = _make_finder(), [], 0, 0
    while scheme := _SCHEME.search(text, at):
        start, at = scheme.start(), _find_end(text, scheme.start())
        brackets = _find_brackets(text, start)
        starts = [each.start() for each in _SCHEME.finditer(text, start, at)]
        if brackets:
            at = brackets.end()
            found += _read_brackets(brackets)
        elif len(starts) > MOST_URLS:
            left_out += 1
        else:
            found += _find_in_word(finder, text, starts, at)
    if joined:
        found = [url for url in found if not _SOFT_BREAK.match(text, url.end)]
    if left_out:
        log(
            logging.WARNING,
            "Plain text has %d words with more than %d URLs each. They stay as they "
            "are: put spaces between URLs",
            left_out,
            MOST_URLS,
        )
    return found


def make_key(url: str) -> str:
    """Return a text that is the same for URLs that a reader takes for the same.

    Programs that make plain text of HTML may leave references in it, and change the
    spelling of the rest. Some URLs that differ get the same text.
    """
    read = _REFERENCE.sub(lambda found: _read_reference(found[0]), url)
    _, _, plain = unquote(read, errors="surrogateescape").partition("//")
    return plain.casefold().replace("/?", "?").rstrip(f"{_PUNCTUATION}/#")


class UrlSet:
    """URLs to recognise in a plain text, however they are spelt there.

    Args:
        urls: The URLs, absolute ones of any scheme.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self._keys: set[tuple[str, str]] = set()
        for url in urls:
            self._keys.add((make_key(url), ""))
            for spelling in {url, unquote(url)}:
                self._add_found(spelling)

    def _add_found(self, url: str) -> None:
        """Add what is found of a URL in a text, with the start of the rest."""
        if not _SCHEME.match(url):
            return
        found = _find_url(_make_finder(), url, 0, _find_end(url, 0))
        if found:
            rest = url[len(found) : len(found) + _LONGEST_REST]
            self._keys.add((make_key(found), rest))

    def has(self, text: str, found: FoundUrl) -> bool:
        """Return whether a URL that was found in a text is one of them.

        Args:
            text: The text.
            found: The URL, as `find_urls` returned it.
        """
        key, end = make_key(found.url), found.end
        rests = (text[end : end + length] for length in range(_LONGEST_REST + 1))
        return any((key, rest) in self._keys for rest in rests)


def _find_brackets(text: str, start: int) -> re.Match[str] | None:
    """Return all up to ``>``, if there is ``<`` before a place."""
    if not text.endswith(_BRACKETS, 0, start):
        return None
    return _IN_BRACKETS.match(text, start)


def _read_brackets(brackets: re.Match[str]) -> list[FoundUrl]:
    """Return the URL in brackets; none if white space breaks it."""
    url = brackets["url"]
    whole = brackets["end"] == ">" and _ANY_URL.fullmatch(url)
    if not whole or _INVISIBLE.search(url):
        return []
    return [FoundUrl(*brackets.span("url"), url)]


def _find_in_word(
    finder: Any, text: str, starts: list[int], end: int
) -> list[FoundUrl]:
    found: list[FoundUrl] = []
    at = 0
    for start in starts:
        if start < at:
            continue
        url = _find_url(finder, text, start, end)
        at = start + len(url) if url else end
        if url:
            found.append(FoundUrl(start, at, url))
    return found


def _find_end(text: str, at: int) -> int:
    """Return the place of the first character that isn't a URL's."""
    while at < len(text):
        run = _RUN.match(text, at)
        if run:
            at = run.end()
        elif _has_letter(text, at):
            at += 1
        else:
            break
    return at


def _has_letter(text: str, at: int) -> bool:
    """Return whether there is a letter beyond ASCII that a URL may have."""
    found = text[at : at + 1]
    return bool(found) and _is_letter(found) and not _UNSPACED.match(found)


def _is_letter(character: str) -> bool:
    """Return whether a character is one of those beyond ASCII that words have."""
    kind = unicodedata.category(character)
    return (
        (kind[0] in "LM" or kind in ("Nd", "Nl"))
        and not character.isascii()
        and not _INVISIBLE.match(character)
    )


def _find_url(finder: Any, text: str, start: int, end: int) -> str:
    """Return the URL that begins at a place; an empty one if it may go on."""
    whole, before = text[start:end], text[max(start - 2, 0) : start]
    part = _cut(whole, before)
    if _MARK_INSIDE.match(whole, len(part)):
        return ""
    trimmed = _trim(part, before)
    url = _end_by_brackets(finder, trimmed)
    if url != trimmed:
        url = _trim(url, before)
    emphasis = before[-1:] if before.endswith(("_", "~")) else ""
    rest = trimmed[len(url) :].lstrip(f"{_PUNCTUATION}{emphasis}")
    if rest:
        may_go_on = rest[0] not in "()[]" or url.count("[") != url.count("]")
        # What the brackets hold, when that has another mark: [["a"]].
        may_go_on |= rest[-1] in "([" and part == whole and _may_go_on(text, start, end)
    else:
        may_go_on = part == whole and _may_go_on(text, start, end)
    may_go_on = may_go_on or _has_partner(url, part[len(url) :])
    return "" if may_go_on or _LIST.search(url) else url


def _cut(url: str, before: str) -> str:
    """Cut off what begins with a mark that is around the URL."""
    for found in _REFERENCE.finditer(url):
        if _is_delimiter(found[0]):
            url = url[: found.start()]
            break
    for mark in _AROUND:
        if before.endswith(mark):
            return url.partition(mark)[0]
    return url


def _is_delimiter(reference: str) -> bool:
    """Return whether what a reference of HTML stands for ends a URL; ``'`` does."""
    character = _read_reference(reference)
    return character == "'" or not _find_end(character, 0)


def _read_reference(reference: str) -> str:
    known = reference[1] == "#" or reference[1:] in html5
    return html.unescape(reference) if known else reference


def _has_partner(url: str, end: str) -> bool:
    """Return whether a mark that was left out at the end closes one in the URL."""
    return any(mark in end and url.count(mark) % 2 for mark in "'*")


def _trim(url: str, before: str) -> str:
    """Leave out punctuation at the end, and emphasis that is before the URL too."""
    url = url.rstrip(_PUNCTUATION)
    for mark in "_~":
        for _ in range(len(before) - len(before.rstrip(mark))):
            url = url.removesuffix(mark)
    return url.rstrip(_PUNCTUATION)


def _end_by_brackets(finder: Any, url: str) -> str:
    scheme, _, _ = url.partition("//")
    readable = _ENCODED_LABEL.sub("xnxx", url)
    length = finder.test_schema_at(readable, scheme, len(scheme))
    end = len(scheme) + length if length else 0
    # It reads no brackets inside brackets.
    missing = url.count("(", 0, end) - url.count(")", 0, end)
    closing = len(url) - end - len(url[end:].lstrip(")"))
    return url[: end + max(0, min(missing, closing))]


def _may_go_on(text: str, start: int, end: int) -> bool:
    """Return whether a URL may go on behind its last character of ASCII."""
    behind = text[end : end + 1]
    if behind.isascii():
        around = behind in ("|", '"') and text.endswith(behind, 0, start)
        return not around and _ODD.match(text, end) is not None
    host = text[start:end].partition("//")[2]
    in_host = not any(mark in host for mark in "/?#")
    if in_host and ("." not in host or _HOST_GOES_ON.match(text, end)):
        return True
    invisible = _INVISIBLE.match(text, end)
    if invisible:
        # Words of Persian and Hindi have such characters inside.
        at = invisible.end()
        return _MORE.match(text, at) is not None or _has_letter(text, at)
    kind = unicodedata.category(behind)
    return kind in ("Cs", "Co", "Cn") or _GOES_ON.match(text, end) is not None


@functools.cache
def _make_finder() -> Any:
    try:
        from linkify_it import LinkifyIt  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ImportError(
            "finding the URLs of plain text needs linkify-it-py: "
            'pip install "django-ptrack[email]"'
        ) from None
    return LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False})
