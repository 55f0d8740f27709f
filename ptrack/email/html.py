"""A reader of HTML: the links, the place for a pixel, and all URLs.

Nothing is written anew: the result is places in the text, to splice at. The parser is
the standard library's `html.parser`. It knows the place of every tag and its attributes
(``getpos``, ``get_starttag_text``), but not the place of an attribute's value inside
the tag. `find_attribute` looks that up, and believes it only if it is the value that
the parser read. So a tag that the two read differently stays as it is.

All patch versions of Python read tags, attributes, ends of comments, and ends of
elements that hold plain text alike, and this relies on it. It also relies on hooks that
aren't documented: ``set_cdata_mode``, ``parse_bogus_comment``, and that
``parse_marked_section`` can be overridden. Where those versions differ (``--!>``,
``<!-->``, comments that never end), a link may be taken for one inside a comment, or
the other way round: neither breaks a mail.
"""

import html
import re
from collections.abc import Iterator
from html.entities import html5
from html.parser import HTMLParser
from itertools import accumulate
from typing import NamedTuple

Attributes = list[tuple[str, str | None]]


class Href(NamedTuple):
    """The target of a link.

    Attributes:
        start: The start of its value, behind the quotation mark.
        end: The end of its value.
        quoted: Whether there are quotation marks around it.
        url: The URL that a browser reads there.
    """

    start: int
    end: int
    quoted: bool
    url: str


class Outline(NamedTuple):
    """All that tracking needs to know of an HTML text.

    Attributes:
        hrefs: The targets of the links that may be tracked, in order.
        images: The URLs of all images.
        end: The place for a pixel: before the last ``</body>``, else the last
            ``</html>``, else at the end.
        off: The whole text asks not to be tracked.
    """

    hrefs: list[Href]
    images: list[str]
    end: int
    off: bool


def read_outline(text: str) -> Outline:
    """Find the links and the place for a pixel in an HTML text.

    Links with ``rel="unsubscribe"`` are left out, and so are those with
    ``data-ptrack="off"`` or inside an element that has it.

    Args:
        text: A document or a piece of one, however broken.
    """
    reader = _Reader(text)
    ends = reader.ends
    end = ends.get("body", ends.get("html", len(text)))
    return Outline(reader.hrefs, reader.images, end, reader.off)


def find_urls(text: str) -> list[str]:
    """Find all URLs that a mail client may load or follow, in order.

    These are the values of ``href``, ``src`` and ``background``, and each ``url(…)`` in
    a ``style``, of any element; inside conditional comments too.

    Args:
        text: As for `read_outline`.
    """
    found = []
    for name, value in _Reader(text).attributes:
        if name in ("href", "src", "background"):
            found.append(_clean_url(value or ""))
        elif name == "style":
            found += _STYLE_URL.findall(value or "")
    return list(filter(None, found))


_STYLE_URL = re.compile(r"""url\(\s*['"]?([^'")\s]+)""", re.I)
# The content of these elements is text, even if it looks like links:
# https://html.spec.whatwg.org/multipage/parsing.html#parsing-html-fragments
# Content of <noscript> is ordinary, because mail readers run no scripts.
_TEXT_ONLY = frozenset(
    ("script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp")
)
# These have no end tag: https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"),
        *("source", "track", "wbr"),
    )
)
# Outlook reads these; to all others they are comments:
# https://learn.microsoft.com/en-us/previous-versions/windows/internet-explorer/ie-developer/compatibility/ms537512(v=vs.85)
_CONDITIONAL = re.compile(r"\[if\b[^\]]*\]>(.*)<!\[endif\]\s*", re.DOTALL | re.I)


class _Reader(HTMLParser):
    """Reads a text into the parts of an `Outline`, and its attributes.

    Args:
        text: A whole text, or the content of a conditional comment.
        start: The place of this text in the whole one.
        switch: The element around it that turned tracking off, or ``""``.
        depth: The number of elements of that name that are open.
    """

    def __init__(
        self, text: str, start: int = 0, switch: str = "", depth: int = 0
    ) -> None:
        super().__init__()
        self.hrefs: list[Href] = []
        self.images: list[str] = []
        self.attributes: Attributes = []
        self.ends: dict[str, int] = {}
        self.off = False
        self._switch = switch
        self._depth = depth
        lengths = map(len, text.split("\n"))
        self._lines = list(accumulate(lengths, lambda at, n: at + n + 1, initial=start))
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self._read_element(tag, attrs)
        if self._switch == tag:
            self._depth += 1
        if tag in _TEXT_ONLY:
            # Python's own list of them differs between its versions.
            self.set_cdata_mode(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        switch = self._switch
        self._read_element(tag, attrs)
        self._switch = switch

    def handle_endtag(self, tag: str) -> None:
        if tag in ("body", "html"):
            self.ends[tag] = self._find_place()
        if tag == self._switch:
            self._depth -= 1
            if not self._depth:
                self._switch = ""

    def handle_comment(self, data: str) -> None:
        conditional = _CONDITIONAL.fullmatch(data)
        if conditional:
            start = self._find_place() + len("<!--") + conditional.start(1)
            inner = _Reader(conditional[1], start, self._switch, self._depth)
            self.hrefs += inner.hrefs
            self.images += inner.images
            self.attributes += inner.attributes

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # "<![if !mso]>", and all else that starts so, is a comment up to the next ">":
        # https://html.spec.whatwg.org/multipage/parsing.html#bogus-comment-state
        # Some versions of Python know a few words for it, and raise at others.
        return self.parse_bogus_comment(i, report)

    def _read_element(self, tag: str, attrs: Attributes) -> None:
        self.attributes += attrs
        if not self._switch and _read(attrs, "data-ptrack").strip().lower() == "off":
            self.off = self.off or tag in ("body", "html")
            if tag in _VOID:
                return
            self._switch = tag
        if tag == "img":
            self.images.append(_read(attrs, "src"))
        elif not self._switch and (tag in ("a", "area") or tag.startswith("v:")):
            # "v:" is Outlook's VML, which buttons are made of.
            self._read_link(attrs)

    def _read_link(self, attrs: Attributes) -> None:
        if "unsubscribe" in _read(attrs, "rel").lower().split():
            return
        source = self.get_starttag_text() or ""
        found = find_attribute("href", source, attrs)
        if found is not None:
            start, end, value = found
            quoted = source[start - 1] in "\"'"
            at = self._find_place()
            self.hrefs.append(Href(at + start, at + end, quoted, _clean_url(value)))

    def _find_place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column


# -- attributes -----------------------------------------------------------------------

# https://html.spec.whatwg.org/multipage/parsing.html#before-attribute-name-state
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s/>][^\s/>=]*)"""
    r"""(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s>"'][^\s>]*)))?"""
)
_TAG_NAME = re.compile(r"<[^\s/>]*")
# https://html.spec.whatwg.org/multipage/parsing.html#named-character-reference-state
_REFERENCE = re.compile(
    r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]*(?:;|(?![=a-zA-Z0-9])))"
)
# https://url.spec.whatwg.org/#url-parsing removes tabs and line breaks everywhere,
# and C0 controls and spaces at both ends.
_INSIDE = dict.fromkeys(map(ord, "\t\n\r"))
_AROUND = "".join(map(chr, range(0x21)))


def find_attribute(
    name: str, source: str, attrs: Attributes
) -> tuple[int, int, str] | None:
    """Find the value of an attribute in a start tag.

    Args:
        name: The attribute's name.
        source: The start tag.
        attrs: All attributes, as the parser read them.

    Returns:
        Start and end of the value, and the text that it stands for; ``None`` if there
        is no such attribute, or the parser read something else.
    """
    names = [each for each, _ in attrs]
    if name not in names:
        return None
    found = list(_split_tag(source))
    if [match["name"].lower() for match in found] != names:
        return None
    index = names.index(name)
    match, read = found[index], attrs[index][1]
    group = match.lastgroup or "name"
    if group == "name":
        return None
    value = _decode(match[group])
    # Older versions of Python read a value as they read text.
    if read != value and read != html.unescape(match[group]):
        return None
    return *match.span(group), value


def _split_tag(source: str) -> Iterator[re.Match[str]]:
    tag = _TAG_NAME.match(source)
    return _ATTRIBUTE.finditer(source, tag.end() if tag else 0, len(source) - 1)


def _read(attrs: Attributes, name: str) -> str:
    """Return the value of an attribute; of several, the first counts."""
    for each, value in attrs:
        if each == name:
            return value or ""
    return ""


def _decode(value: str) -> str:
    """Return the text that the value of an attribute stands for.

    Unlike in text, a reference without its semicolon isn't one before ``=`` or a
    letter: "?a=1&copy=2" is a URL with a parameter named "copy".
    """
    return _REFERENCE.sub(_decode_reference, value)


def _decode_reference(reference: re.Match[str]) -> str:
    name = reference[0][1:]
    if name.startswith("#") or name in html5:
        return html.unescape(reference[0])
    return reference[0]


def _clean_url(value: str) -> str:
    return value.strip(_AROUND).translate(_INSIDE)
