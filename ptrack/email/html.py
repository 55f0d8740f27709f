"""Where in an HTML text the links are, and where a pixel belongs.

Nothing is written anew: what is found are places, to splice at. The parser is the
standard library's `html.parser`, which tells of every tag where it is and what was read
of it (``getpos``, ``get_starttag_text``). Where in a start tag an attribute's value is,
it doesn't tell; that is looked up here, and believed only if it is the value that the
parser read. So a tag too odd for the two to agree on stays as it is.

What is relied on, in all patch versions of Python: tags, attributes, ends of comments
and of elements that hold plain text, and of what isn't documented ``set_cdata_mode``,
``parse_bogus_comment``, and that ``parse_marked_section`` can be overridden. Where
those versions differ (``--!>``, ``<!-->``, comments that never end) a link may be taken
for commented out, or one that is commented out for a link: neither breaks a mail.
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
        start: Where its value starts, the quotation mark not counted.
        end: Where it ends.
        quoted: Whether there are quotation marks around it.
        url: What it stands for, as a browser reads it.
    """

    start: int
    end: int
    quoted: bool
    url: str


class Outline(NamedTuple):
    """What there is to splice at.

    Attributes:
        hrefs: Those of the links that may be tracked, in order.
        images: The URLs of all images.
        end: Where a pixel belongs: before the last ``</body>``, else the last
            ``</html>``, else at the end.
        off: The whole text asks not to be tracked.
    """

    hrefs: list[Href]
    images: list[str]
    end: int
    off: bool


def outline(text: str) -> Outline:
    """Find the places in an HTML text.

    Left out are links with ``rel="unsubscribe"``, and those with ``data-ptrack="off"``
    or inside an element that has it.

    Args:
        text: A document or a piece of one, however broken.
    """
    reader = _Reader(text)
    reader.read()
    ends = reader.ends
    end = ends.get("body", ends.get("html", len(text)))
    return Outline(reader.hrefs, reader.images, end, reader.off)


# Those whose content is text, whatever it looks like; their links are none:
# https://html.spec.whatwg.org/multipage/parsing.html#parsing-html-fragments
# Content of <noscript> is ordinary, because mail readers run no scripts.
_TEXT_ONLY = frozenset(
    ("script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp")
)
# They have no end tag: https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"),
        *("source", "track", "wbr"),
    )
)
# What Outlook reads, and to others is a comment:
# https://learn.microsoft.com/en-us/previous-versions/windows/internet-explorer/ie-developer/compatibility/ms537512(v=vs.85)
_CONDITIONAL = re.compile(r"\[if\b[^\]]*\]>(.*)<!\[endif\]\s*", re.DOTALL | re.I)


class _Reader(HTMLParser):
    """Reads one text, or the content of a conditional comment."""

    def __init__(self, text: str, start: int = 0) -> None:
        super().__init__()
        self.hrefs: list[Href] = []
        self.images: list[str] = []
        self.ends: dict[str, int] = {}
        self.off = False
        # The element that turned tracking off, and how many of its kind are open.
        self._switch = ""
        self._open = 0
        self._text = text
        lengths = map(len, text.split("\n"))
        self._lines = list(accumulate(lengths, lambda at, n: at + n + 1, initial=start))

    def read(self) -> None:
        self.feed(self._text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self._element(tag, attrs)
        if self._switch == tag:
            self._open += 1
        if tag in _TEXT_ONLY:
            # Which of them Python takes for such differs between its versions.
            self.set_cdata_mode(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        switch = self._switch
        self._element(tag, attrs)
        self._switch = switch

    def handle_endtag(self, tag: str) -> None:
        if tag in ("body", "html"):
            self.ends[tag] = self._place()
        if tag == self._switch:
            self._open -= 1
            if not self._open:
                self._switch = ""

    def handle_comment(self, data: str) -> None:
        conditional = _CONDITIONAL.fullmatch(data)
        if conditional:
            start = self._place() + len("<!--") + conditional.start(1)
            inner = _Reader(conditional[1], start)
            inner._switch, inner._open = self._switch, self._open
            inner.read()
            self.hrefs += inner.hrefs
            self.images += inner.images

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        # "<![if !mso]>" and whatever else starts so is a comment up to the next ">":
        # https://html.spec.whatwg.org/multipage/parsing.html#bogus-comment-state
        # Some versions of Python know a few words for it, and raise at others.
        return self.parse_bogus_comment(i, report)

    def _element(self, tag: str, attrs: Attributes) -> None:
        if not self._switch and _value("data-ptrack", attrs).strip().lower() == "off":
            self.off = self.off or tag in ("body", "html")
            if tag in _VOID:
                return
            self._switch = tag
        if tag == "img":
            self.images.append(_value("src", attrs))
        elif not self._switch and (tag in ("a", "area") or tag.startswith("v:")):
            # "v:" is Outlook's VML, which buttons are made of.
            self._link(attrs)

    def _link(self, attrs: Attributes) -> None:
        if "unsubscribe" in _value("rel", attrs).lower().split():
            return
        source = self.get_starttag_text() or ""
        found = _located("href", source, attrs)
        if found is not None:
            start, end, value = found
            quoted = source[start - 1] in "\"'"
            at = self._place()
            self.hrefs.append(Href(at + start, at + end, quoted, _url(value)))

    def _place(self) -> int:
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
# https://url.spec.whatwg.org/#url-parsing removes the former all over, and the latter,
# which are C0 controls and the space, from both ends.
_INSIDE = dict.fromkeys(map(ord, "\t\n\r"))
_AROUND = "".join(map(chr, range(0x21)))


def _value(name: str, attrs: Attributes) -> str:
    """Give the value of an attribute; of several, the first counts."""
    for each, value in attrs:
        if each == name:
            return value or ""
    return ""


def _located(name: str, source: str, attrs: Attributes) -> tuple[int, int, str] | None:
    """Give where in a start tag the value of an attribute is.

    Args:
        name: The attribute's.
        source: The start tag.
        attrs: What the parser read of it.

    Returns:
        Start, end, and what the value stands for; ``None`` if there is no such
        attribute, or the parser read something else.
    """
    names = [each for each, _ in attrs]
    if name not in names:
        return None
    found = list(_attributes(source))
    if [match["name"].lower() for match in found] != names:
        return None
    index = names.index(name)
    match, read = found[index], attrs[index][1]
    group = match.lastgroup or "name"
    if group == "name":
        return None
    value = _decoded(match[group])
    # The latter is how Python read it before it went by the specification.
    if read != value and read != html.unescape(match[group]):
        return None
    return *match.span(group), value


def _attributes(source: str) -> Iterator[re.Match[str]]:
    tag = _TAG_NAME.match(source)
    return _ATTRIBUTE.finditer(source, tag.end() if tag else 0, len(source) - 1)


def _decoded(value: str) -> str:
    """Give what an attribute's value stands for.

    Other than in text, a reference without its semicolon is none before ``=`` or a
    letter: "?a=1&copy=2" is a URL with a parameter named "copy".
    """
    return _REFERENCE.sub(_character, value)


def _character(reference: re.Match[str]) -> str:
    name = reference[0][1:]
    if name.startswith("#") or name in html5:
        return html.unescape(reference[0])
    return reference[0]


def _url(value: str) -> str:
    return value.strip(_AROUND).translate(_INSIDE)
