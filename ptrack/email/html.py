"""A reader of HTML: the links, the place for a pixel, and all URLs.

Nothing is written anew: the result is places in the text, to splice at.

The reader splits a text as browsers do, by the tokenizer of the standard:
https://html.spec.whatwg.org/multipage/parsing.html#tokenization. There, a tag or a
comment without an end reaches to the end of the text. So the reader never goes back,
and its time grows with the length of the text, whatever the text is. The standard
library's `html.parser` goes back, in other places in each of its versions: its time
can grow with the square of the length. It doesn't know the places of values either.
"""

import html
import re
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

from . import quotes


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


class Image(NamedTuple):
    """An image.

    Attributes:
        start: The start of its tag.
        end: The end of its tag.
        url: The URL that a browser reads there.
        quoted: Whether it is in the quotation of another mail.
    """

    start: int
    end: int
    url: str
    quoted: bool


class Outline(NamedTuple):
    """All that tracking needs to know of an HTML text.

    Attributes:
        hrefs: The targets of the links that may be tracked, in order.
        images: All images.
        end: The place for a pixel: before the last ``</body>``, else the last
            ``</html>``, else at the end, but before markup that has no end, and before
            a quotation that reaches to the end.
        off: The whole text asks not to be tracked.
        off_urls: The targets of the links that may not be tracked.
    """

    hrefs: list[Href]
    images: list[Image]
    end: int
    off: bool
    off_urls: set[str]


def read_outline(text: str) -> Outline:
    """Find the links and the place for a pixel in an HTML text.

    Links with ``rel="unsubscribe"`` may not be tracked, nor may those that are switched
    off: they have ``data-ptrack="off"`` or the class ``ptrack-off``, or are inside an
    element that has one of them.

    Args:
        text: A document or a piece of one, however broken.
    """
    reader = _Reader(text, headers=quotes.find_headers(text))
    ends = reader.ends
    end = ends.get("body", ends.get("html", reader.rest))
    if reader.quotations.start is not None:
        end = min(end, reader.quotations.start)
    off, off_urls = reader.off, reader.off_urls
    # Some links are outside the body; they are the mail's as well.
    hrefs = [] if off else reader.hrefs
    off_urls.update(href.url for href in reader.hrefs if off)
    return Outline(hrefs, reader.images, end, off, off_urls)


def find_urls(text: str) -> list[str]:
    """Find all URLs that a mail client may load or follow, in order.

    These are the values of ``href``, ``src`` and ``background``, and each ``url(…)`` in
    a ``style``, of any element; inside conditional comments too.

    Args:
        text: As for `read_outline`.
    """
    return list(filter(None, _Reader(text).urls))


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


_SPACE = r"\t\n\f\r "
_MARKUP = re.compile(
    rf"<(?:(?P<slash>/?)(?P<tag>[a-zA-Z][^{_SPACE}/>]*)|(?P<comment>!--)|[!?/])"
)
_ATTRIBUTE = re.compile(
    rf"""[{_SPACE}/]*(?P<name>[^{_SPACE}/>][^{_SPACE}/>=]*)"""
    rf"""(?:[{_SPACE}]*=[{_SPACE}]*"""
    rf"""(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>[^']*)(?:'|\Z)"""
    rf"""|(?P<bare>[^{_SPACE}>]*)))?"""
)
_TAG_END = re.compile(rf"[{_SPACE}/]*>")
_TEXT_END = {
    tag: re.compile(rf"</{tag}(?=[{_SPACE}/>])", re.I | re.ASCII) for tag in _TEXT_ONLY
}
_COMMENT_END = re.compile("--!?>")
_NO_END = -1

Attributes = dict[str, re.Match[str]]


class _Reader:
    """Reads a text into the parts of an `Outline`, and its URLs.

    Args:
        text: The text.
        start: The start of the part to read, if it is a conditional comment's content.
        end: The end of that part.
        switch: The element around it that turned tracking off, or ``""``.
        depth: The number of elements of that name that are open.
        quoted: The start of the quotation around it, or ``None``.
        headers: The starts of the headers of quoted mails.
    """

    def __init__(
        self,
        text: str,
        start: int = 0,
        end: int | None = None,
        switch: str = "",
        depth: int = 0,
        quoted: int | None = None,
        headers: frozenset[int] = frozenset(),
    ) -> None:
        self.hrefs: list[Href] = []
        self.images: list[Image] = []
        self.quotations = quotes.Quotations(quoted, headers)
        self.urls: list[str] = []
        self.ends: dict[str, int] = {}
        self.off = False
        self.off_urls: set[str] = set()
        self._text = text
        self._end = len(text) if end is None else end
        # The start of markup that reaches to the end, and hides all that follows.
        self.rest = self._end
        self._switch = switch
        self._depth = depth
        self._tag = start, start
        while markup := _MARKUP.search(text, start, self._end):
            start = self._read_markup(markup)
            if start == _NO_END:
                self.rest = markup.start()
                break

    def _read_markup(self, markup: re.Match[str]) -> int:
        """Read a tag or a comment; return the place behind it, or `_NO_END`."""
        if markup["tag"]:
            return self._read_tag(markup)
        if markup["comment"]:
            return self._read_comment(markup.end())
        # "<![if !mso]>", and all else that starts so, is a comment up to the next ">".
        return self._find_end(markup.end())

    def _find_end(self, start: int) -> int:
        found = self._text.find(">", start, self._end)
        return _NO_END if found < 0 else found + 1

    def _read_tag(self, markup: re.Match[str]) -> int:
        tag, at = markup["tag"].lower(), markup.end()
        attrs: Attributes = {}
        while found := _ATTRIBUTE.match(self._text, at, self._end):
            # Of several attributes of one name, the first counts.
            attrs.setdefault(found["name"].lower(), found)
            at = found.end()
        close = _TAG_END.match(self._text, at, self._end)
        if close is None:
            return _NO_END
        self._tag = markup.start(), close.end()
        if markup["slash"]:
            self._close_element(tag, markup.start())
        elif close[0].endswith("/>"):
            self._read_empty_element(tag, attrs)
        else:
            return self._open_element(tag, attrs, close.end())
        return close.end()

    def _open_element(self, tag: str, attrs: Attributes, start: int) -> int:
        """Read a start tag, and return the start of the markup behind it."""
        self._read_element(tag, attrs)
        if self._switch == tag:
            self._depth += 1
        if tag == "plaintext":
            return _NO_END
        if tag not in _TEXT_ONLY:
            return start
        found = _TEXT_END[tag].search(self._text, start, self._end)
        return found.start() if found else _NO_END

    def _read_empty_element(self, tag: str, attrs: Attributes) -> None:
        switch = self._switch
        self._read_element(tag, attrs)
        self._switch = switch

    def _close_element(self, tag: str, start: int) -> None:
        self.quotations.close_element(tag)
        # In a quotation, they are the end of the other mail.
        if tag in ("body", "html") and self.quotations.start is None:
            self.ends[tag] = start
        if tag == self._switch:
            self._depth -= 1
            if not self._depth:
                self._switch = ""

    def _read_comment(self, start: int) -> int:
        if self._text.startswith((">", "->"), start, self._end):
            return self._find_end(start)
        found = _COMMENT_END.search(self._text, start, self._end)
        if found is None:
            return _NO_END
        conditional = _CONDITIONAL.fullmatch(self._text, start, found.start())
        if conditional:
            # No comment ends inside it, so there is no conditional one in it.
            inner = _Reader(
                self._text,
                *conditional.span(1),
                self._switch,
                self._depth,
                self.quotations.start,
            )
            self.hrefs += inner.hrefs
            self.images += inner.images
            self.urls += inner.urls
            self.off_urls |= inner.off_urls
            self.off = self.off or inner.off
        return found.end()

    def _read_element(self, tag: str, attrs: Attributes) -> None:
        self.urls += _find_attribute_urls(attrs)
        if tag in quotes.TAGS:
            known = {
                name: _read(attrs, name) for name in attrs.keys() & quotes.ATTRIBUTES
            }
            self.quotations.open_element(tag, known, self._tag[0])
        off = _is_off(attrs)
        if off:
            self.off = self.off or tag in ("body", "html")
            if not self._switch and tag not in _VOID:
                self._switch = tag
        if tag == "img":
            quoted = self.quotations.start is not None
            self.images.append(Image(*self._tag, _read_url(attrs, "src"), quoted))
        elif tag in ("a", "area") or tag.startswith("v:"):
            # "v:" is Outlook's VML, which buttons are made of.
            self._read_link(attrs, off or bool(self._switch))

    def _read_link(self, attrs: Attributes, off: bool) -> None:
        found = attrs.get("href")
        if found is None or not _has_value(found):
            return
        url = _read_url(attrs, "href")
        if off or "unsubscribe" in _read_words(attrs, "rel"):
            self.off_urls.add(url)
            return
        start, end = found.span(found.lastgroup or 0)
        self.hrefs.append(Href(start, end, found.lastgroup != "bare", url))


def _is_off(attrs: Attributes) -> bool:
    """Return whether tracking is switched off in an element.

    The compilers of MJML drop attributes that they don't know, so there is a class too
    (``css-class``: https://documentation.mjml.io/#mj-button). Its case doesn't count,
    as in pages without a doctype:
    https://dom.spec.whatwg.org/#concept-getelementsbyclassname.
    """
    switch = _read(attrs, "data-ptrack").strip().lower()
    return switch == "off" or "ptrack-off" in _read_words(attrs, "class")


def _find_attribute_urls(attrs: Attributes) -> Iterator[str]:
    for name in attrs:
        if name in ("href", "src", "background"):
            yield _read_url(attrs, name)
        elif name == "style":
            yield from _STYLE_URL.findall(_read(attrs, name))


# -- attributes -----------------------------------------------------------------------

# https://html.spec.whatwg.org/multipage/parsing.html#named-character-reference-state
_REFERENCE = re.compile(
    r"&(?:#0*(?P<decimal>[0-9]+);?|#[xX]0*(?P<hexadecimal>[0-9a-fA-F]+);?"
    r"|(?P<named>[a-zA-Z][a-zA-Z0-9]*(?:;|(?![=a-zA-Z0-9]))))"
)
# https://url.spec.whatwg.org/#url-parsing removes tabs and line breaks everywhere,
# and C0 controls and spaces at both ends.
_INSIDE = dict.fromkeys(map(ord, "\t\n\r"))
_AROUND = "".join(map(chr, range(0x21)))


def _has_value(attribute: re.Match[str]) -> bool:
    return attribute.lastgroup != "name"


def _read(attrs: Attributes, name: str) -> str:
    """Return the text that the value of an attribute stands for."""
    found = attrs.get(name)
    if found is None or not _has_value(found):
        return ""
    # A null character is replaced, so a URL doesn't start behind it.
    value = found[found.lastgroup or 0].replace("\0", "\ufffd")
    return _REFERENCE.sub(_decode_reference, value)


def _read_words(attrs: Attributes, name: str) -> list[str]:
    return _read(attrs, name).lower().split()


def _read_url(attrs: Attributes, name: str) -> str:
    return _read(attrs, name).strip(_AROUND).translate(_INSIDE)


def _decode_reference(reference: re.Match[str]) -> str:
    """Return the text that a reference in an attribute stands for.

    Unlike in text, a reference without its semicolon isn't one before ``=`` or a
    letter: "?a=1&copy=2" is a URL with a parameter named "copy".
    """
    digits = reference["decimal"] or reference["hexadecimal"]
    if digits:
        # No character has eight digits, and Python refuses to read thousands of them.
        number = int(digits[:8], 10 if reference["decimal"] else 16)
        # Python leaves out some characters that browsers keep.
        return html.unescape(f"&#{number};") or chr(number)
    known = reference["named"] in html5
    return html.unescape(reference[0]) if known else reference[0]
