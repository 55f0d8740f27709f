"""Whole mails: a pixel at the end of the HTML, and its links turned into tracked ones.

Not another byte of the HTML changes.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from html import escape
from typing import Any, NamedTuple, TypeVar

from ptrack import conf
from ptrack.core.endpoint import ACCESSIBLE_ATTRIBUTES, make_tag
from ptrack.core.links import check_target
from ptrack.core.logs import log
from ptrack.shortcuts import make_owner, pixel_url

from .html import Href, read_outline
from .links import LinkMaker
from .messages import Part, open_message
from .pgp import has_armor
from .pixels import HeldPixels
from .placeholders import PlaceholderFinder, Rule, find_merge_keys
from .text import UrlSet, find_urls

AnyMessage = TypeVar("AnyMessage")


def track(
    message: AnyMessage,
    /,
    *args: Any,
    opens: bool = True,
    clicks: bool = True,
    text_links: bool = False,
    placeholders: Rule | None = None,
    **kwargs: Any,
) -> AnyMessage:
    """Track the opens of a mail and the clicks on its links.

    A mail without HTML has no place for a pixel; it comes back as it is, or with its
    links tracked if ``text_links``. Attachments stay as they are, parts with a file
    name among them (RFC 2183), and so do all but the root of ``multipart/related`` (RFC
    2387), a message inside the message, and all that is signed or encrypted, by OpenPGP
    in the text itself too.

    A reply or a forward that quotes an older tracked mail gets its own pixel, and the
    older one is taken out. A mail that has a pixel outside its quotations, or one with
    the same arguments, is tracked already: it gets no other.

    These links are not tracked: those that aren't absolute ones of http or https, or
    that have a placeholder in them such as ``{{ id }}``; those of the header
    ``List-Unsubscribe``, and those with ``rel="unsubscribe"``; those with
    ``data-ptrack="off"`` or ``class="ptrack-off"``, or inside an element that has it
    (``<body>`` turns off all of them, and the pixel too); those that are tracked
    already; and those whose tracked URL would have more than 2,000 characters, of which
    a warning is logged. Targets that are off in the HTML of a mail are off in its plain
    text.

    Nothing that a mail contains raises an error.

    The time grows with the length of the mail and no faster, whatever is in it. Parts
    with headers that are too long to parse stay as they are, and so do those whose
    encoding isn't known, or whose charset can't be written back alike; a warning is
    logged.

    Args:
        message: Django's ``EmailMessage`` or ``EmailMultiAlternatives``, or the
            standard library's ``email.message.EmailMessage``. It isn't changed.
        args: The positional arguments for the callbacks of the pixel and of each link;
            a link's target comes before them.
        opens: Put a pixel into the mail, at the end of the last HTML part, and before a
            quotation that reaches to the end.
        clicks: Turn the links of its HTML into tracked ones.
        text_links: Turn those of its plain text into tracked ones too. Needs the extra
            ``email`` of the distribution.
        placeholders: A rule for more placeholders than those that are built in, in
            addition to the setting ``PTRACK_PLACEHOLDERS``: a regular expression that
            is searched for, as a text or compiled, or a function that gets a target and
            returns whether it has one. Each gets the target as it is written, and again
            percent-decoded if that is another text. If a function raises, the link
            stays as it is, and an error is logged.
        kwargs: The keyword arguments for the callbacks. Data named as one of the four
            options goes into a dict: ``track(message, {"opens": 3})``.

    Returns:
        A copy of the message, of the same kind.

    Raises:
        TypeError: It is another kind of object, or an argument can't be carried.
        ValueError: An argument can't be carried, or ``placeholders`` is no rule.
        ImportError: ``text_links`` needs a library that isn't installed.
        PtrackConfigurationError: As for `ptrack.pixel_url`.
    """
    mail = open_message(message, "html", *(["plain"] if text_links else []))
    finder = _make_finder(placeholders, find_merge_keys(message))
    links = LinkMaker(args, kwargs)
    parts = [part for part in mail.parts if part.subtype == "html"]
    templates = [
        TrackedTemplate(
            part.text,
            opens=opens,
            clicks=clicks,
            untracked=mail.unsubscribe,
            placeholders=finder,
        )
        for part in parts
    ]
    _fill_parts(parts, templates, links, args, kwargs)
    if text_links and not any(each.off for each in templates):
        off_urls = set(mail.unsubscribe).union(*(each.off_urls for each in templates))
        for part in mail.parts:
            if part.subtype == "plain":
                _replace_text(part, _track_text(part, off_urls, finder, links))
    links.report()
    tracked: AnyMessage = mail.message
    return tracked


def track_html(
    text: str,
    /,
    *args: Any,
    opens: bool = True,
    clicks: bool = True,
    placeholders: Rule | None = None,
    **kwargs: Any,
) -> str:
    """Track the opens of an HTML text and the clicks on its links.

    Args:
        text: The HTML of a mail.
        args: As for `track`.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        placeholders: As for `track`.
        kwargs: As for `track`.

    Returns:
        The text with nothing else changed; one that was marked safe still is.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `track`.
    """
    template = TrackedTemplate(
        text, opens=opens, clicks=clicks, placeholders=placeholders
    )
    return template.render(*args, **kwargs)


class TrackedTemplate:
    """The HTML of many mails, parsed once.

    Args:
        text: The HTML. Its own placeholders may be filled in before or after.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        untracked: Targets that stay as they are, such as those of the mail's
            ``List-Unsubscribe``.
        placeholders: As for `track`.

    Attributes:
        off: The whole HTML asks not to be tracked.
        off_urls: The targets of the links in it that ask not to be tracked.

    Raises:
        TypeError: The HTML isn't text, or ``placeholders`` is no rule.
        ValueError: ``placeholders`` is no rule.
        PtrackConfigurationError: As for `ptrack.pixel_url`.
    """

    def __init__(
        self,
        text: str,
        *,
        opens: bool = True,
        clicks: bool = True,
        untracked: Collection[str] = (),
        placeholders: Rule | PlaceholderFinder | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise TypeError(
                f"HTML to track must be str, not {type(text).__qualname__}; for "
                "messages there is ptrack.email.track"
            )
        # A text that is marked safe stays so. Other classes may take other arguments.
        self._kind: Callable[[str], str] = (
            type(text) if hasattr(text, "__html__") else str
        )
        outline = read_outline(text)
        self.off, self.off_urls = outline.off, outline.off_urls
        finder = _make_finder(placeholders)
        self._held = HeldPixels((), bool)
        self._holes: list[_Hole] = []
        if (opens or clicks) and not has_armor(text):
            owns = make_owner()
            if clicks:
                self._holes += _find_links(outline.hrefs, untracked, finder, owns)
            if opens and not outline.off:
                self._held = HeldPixels(outline.images, owns)
                self._holes += _find_pixels(outline.end, self._held)
        self._holes.sort(key=lambda hole: hole.start)
        # Texts at even places, and what is in the holes between them at odd ones.
        self._parts = _cut(text, self._holes)

    def render(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the HTML for one mail.

        Links to the same target get the same URL.

        Args:
            args: As for `track`.
            kwargs: As for `track`; here no name is an option.

        Raises:
            TypeError, ValueError, PtrackConfigurationError: As for `track`.
        """
        links = LinkMaker(args, kwargs)
        fresh = not self._held.is_tracked(args, kwargs)
        html = self._fill(links, args, kwargs, fresh=fresh, pixel=fresh)
        links.report()
        return html

    def _fill(
        self,
        links: LinkMaker,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        fresh: bool,
        pixel: bool,
    ) -> str:
        """Fill the holes; without ``fresh``, the pixels of older mails stay."""
        parts = self._parts.copy()
        for place, hole in enumerate(self._holes):
            if hole.is_old:
                parts[2 * place + 1] = "" if fresh else parts[2 * place + 1]
            elif hole.url is None:
                parts[2 * place + 1] = _make_pixel(args, kwargs) if pixel else ""
            elif short := links.make(hole.url):
                mark = "" if hole.quoted else '"'
                parts[2 * place + 1] = _to_ascii(f"{mark}{escape(short)}{mark}")
        return self._kind("".join(parts))


def _fill_parts(
    parts: list[Part],
    templates: list[TrackedTemplate],
    links: LinkMaker,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Track the HTML texts of one mail; the last that isn't signed gets the pixel."""
    fresh = not any(each._held.is_tracked(args, kwargs) for each in templates)
    free = [part for part in parts if not has_armor(part.text)]
    for part, template in zip(parts, templates, strict=True):
        pixel = fresh and part in free[-1:]
        part.replace(template._fill(links, args, kwargs, fresh=fresh, pixel=pixel))


def _make_pixel(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return _to_ascii(make_tag(pixel_url(*args, **kwargs), ACCESSIBLE_ATTRIBUTES))


class _Hole(NamedTuple):
    """A place for the tracked URL of a target, or for the pixel (no URL).

    An old one holds the pixel of an older mail, which may go.
    """

    start: int
    end: int
    quoted: bool
    url: str | None
    is_old: bool = False


def _find_links(
    hrefs: Collection[Href],
    untracked: Collection[str],
    finder: PlaceholderFinder,
    owns: Callable[[str], bool],
) -> list[_Hole]:
    urls = _choose_targets((href.url for href in hrefs), untracked, owns)
    targets = {url for url in urls if not finder.is_in(url)}
    return [_Hole(*href) for href in hrefs if href.url in targets]


def _find_pixels(end: int, held: HeldPixels) -> list[_Hole]:
    """Return the place for the pixel, and the places of older mails' pixels."""
    if held.has_own:
        return []
    old = [_Hole(*each[:2], True, None, is_old=True) for each in held.quoted]
    return [_Hole(end, end, True, None), *old]


def _cut(text: str, holes: Iterable[_Hole]) -> list[str]:
    parts: list[str] = []
    at = 0
    for hole in holes:
        parts += text[at : hole.start], text[hole.start : hole.end]
        at = hole.end
    return [*parts, text[at:]]


def _to_ascii(html: str) -> str:
    """Return HTML that mails of any charset can hold: the app URL may not be ASCII."""
    return html.encode("ascii", "xmlcharrefreplace").decode()


def _choose_targets(
    urls: Iterable[str], untracked: Collection[str], owns: Callable[[str], bool]
) -> set[str]:
    """Return those of the URLs that links can be tracked to."""
    return {url for url in set(urls).difference(untracked) if _is_target(url, owns)}


def _is_target(url: str, owns: Callable[[str], bool]) -> bool:
    try:
        check_target(url)
    except ValueError:
        return False
    return not owns(url)


def _make_finder(
    placeholders: Rule | PlaceholderFinder | None, keys: Collection[str] = ()
) -> PlaceholderFinder:
    if isinstance(placeholders, PlaceholderFinder):
        return placeholders
    return PlaceholderFinder(placeholders, conf.get("PTRACK_PLACEHOLDERS"), keys=keys)


def _replace_text(part: Part, text: str) -> None:
    try:
        if part.charset and text != part.text:
            text.encode(part.charset)
        part.replace(text)
    except (LookupError, UnicodeEncodeError):
        # In plain text, there is no other way to write the character. A charset that
        # isn't known is Django's to refuse.
        log(
            logging.WARNING,
            "The plain text of a mail stays as it is: its charset lacks a character of "
            "PTRACK_APP_URL. Set that to the host's ASCII form (xn--…)",
        )


def _track_text(
    part: Part, off_urls: Iterable[str], finder: PlaceholderFinder, links: LinkMaker
) -> str:
    text = part.text
    if has_armor(text):
        return text
    off = UrlSet(off_urls)
    found = [
        each for each in find_urls(text, joined=part.joined) if not off.has(text, each)
    ]
    targets = _choose_targets((each.url for each in found), (), make_owner())
    parts: list[str] = []
    at = 0
    for start, end, url in found:
        if url in targets and not finder.is_at(text, start, end):
            made = links.make(url)
            if made is not None:
                parts += text[at:start], made
                at = end
    return "".join([*parts, text[at:]])
