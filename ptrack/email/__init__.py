"""Whole mails: a pixel at the end of the HTML, and its links turned into tracked ones.

Not another byte of the HTML changes.
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from html import escape
from typing import Any, NamedTuple, TypeVar

from ptrack.core.endpoint import ACCESSIBLE_ATTRIBUTES, make_tag
from ptrack.core.links import check_target
from ptrack.core.logs import log
from ptrack.shortcuts import link_url, make_owner, pixel_url

from .html import read_outline
from .messages import open_message
from .pixels import HeldPixels
from .text import find_urls

AnyMessage = TypeVar("AnyMessage")

LONGEST_TARGET = 4000
"""In bytes of JSON. A token can carry nearly 6,000, so the rest is for arguments."""

# Mail builders and providers fill these in later; until then, a URL with one in it is
# not a target: {{ }}, {% %}, *| |*, [[ ]], <% %>, ${ }, %% %% and %name%.
_LEFT_OVER = re.compile(
    r"\{\{|\{%|\*\||\[\[|<%|\$\{|%%|%(?![0-9A-Fa-f]{2})\w+%", re.ASCII
)


def track(
    message: AnyMessage,
    /,
    *args: Any,
    opens: bool = True,
    clicks: bool = True,
    text_links: bool = False,
    **kwargs: Any,
) -> AnyMessage:
    """Track the opens of a mail and the clicks on its links.

    A mail without HTML has no place for a pixel; it comes back as it is, or with its
    links tracked if ``text_links``. Attachments stay as they are, parts with a file
    name among them (RFC 2183), and so do all but the root of ``multipart/related`` (RFC
    2387), a message inside the message, and all that is signed or encrypted.

    A reply or a forward that quotes an older tracked mail gets its own pixel, and the
    older one is taken out. A mail that has a pixel outside its quotations, or one with
    the same arguments, is tracked already: it gets no other.

    These links are not tracked: those that aren't absolute ones of http or https, or
    that have a template's left-overs in them such as ``{{ id }}``; those of the header
    ``List-Unsubscribe``, and those with ``rel="unsubscribe"``; those with
    ``data-ptrack="off"``, or inside an element that has it (``<body>`` turns off all of
    them, and the pixel too); those that are tracked already; and those of more than
    `LONGEST_TARGET`.

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
        kwargs: The keyword arguments for the callbacks. Data named as one of the three
            options goes into a dict: ``track(message, {"opens": 3})``.

    Returns:
        A copy of the message, of the same kind.

    Raises:
        TypeError: It is another kind of object, or an argument can't be carried.
        ValueError: An argument can't be carried.
        ImportError: ``text_links`` needs a library that isn't installed.
        PtrackConfigurationError: As for `ptrack.pixel_url`.
    """
    mail = open_message(message, "html", *(["plain"] if text_links else []))
    parts = [part for part in mail.parts if part.subtype == "html"]
    templates = [
        TrackedTemplate(
            part.text, opens=opens, clicks=clicks, untracked=mail.unsubscribe
        )
        for part in parts
    ]
    fresh = not any(each._held.is_tracked(args, kwargs) for each in templates)
    for part, template in zip(parts, templates, strict=True):
        last = template is templates[-1]
        part.replace(template._fill(args, kwargs, fresh=fresh, pixel=fresh and last))
    if text_links:
        for part in mail.parts:
            if part.subtype == "plain":
                part.replace(_track_text(part.text, mail.unsubscribe, args, kwargs))
    tracked: AnyMessage = mail.message
    return tracked


def track_html(
    text: str, /, *args: Any, opens: bool = True, clicks: bool = True, **kwargs: Any
) -> str:
    """Track the opens of an HTML text and the clicks on its links.

    Args:
        text: The HTML of a mail.
        args: As for `track`.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        kwargs: As for `track`.

    Returns:
        The text with nothing else changed; one that was marked safe still is.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `track`.
    """
    return TrackedTemplate(text, opens=opens, clicks=clicks).render(*args, **kwargs)


class TrackedTemplate:
    """The HTML of many mails, parsed once.

    Args:
        text: The HTML. Its own placeholders may be filled in before or after.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        untracked: Targets that stay as they are, such as those of the mail's
            ``List-Unsubscribe``.

    Raises:
        TypeError: The HTML isn't text.
    """

    def __init__(
        self,
        text: str,
        *,
        opens: bool = True,
        clicks: bool = True,
        untracked: Collection[str] = (),
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
        holes, self._held = _find_holes(text, opens, clicks, untracked)
        # Texts at even places, and the holes between them at odd ones.
        self._parts = _cut(text, holes)
        self._holes = [hole.content for hole in holes]
        self._old = [text[each.start : each.end] for each in self._held.quoted]
        old = set(self._old)
        self._targets = [
            each for each in dict.fromkeys(self._holes) if each and each not in old
        ]

    def render(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the HTML for one mail.

        Links to the same target get the same URL.

        Args:
            args: As for `track`.
            kwargs: As for `track`; here no name is an option.

        Raises:
            TypeError, ValueError, PtrackConfigurationError: As for `track`.
        """
        fresh = not self._held.is_tracked(args, kwargs)
        return self._fill(args, kwargs, fresh=fresh, pixel=fresh)

    def _fill(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], *, fresh: bool, pixel: bool
    ) -> str:
        """Fill the holes.

        Args:
            args: The positional arguments.
            kwargs: The keyword arguments.
            fresh: The mail isn't tracked yet: the pixels of older mails go.
            pixel: Put the pixel into it, if it has a place for one.
        """
        made: dict[str | None, str] = {
            url: escape(link_url(url, *args, **kwargs)) for url in self._targets
        }
        made.update({tag: "" if fresh else tag for tag in self._old})
        made[None] = ""
        if pixel and None in self._holes:
            made[None] = make_tag(pixel_url(*args, **kwargs), ACCESSIBLE_ATTRIBUTES)
        parts = self._parts.copy()
        parts[1::2] = [made[hole] for hole in self._holes]
        return self._kind("".join(parts))


class _Hole(NamedTuple):
    """A place in a text for something else.

    Its content is a link's target, the tag of a pixel that may go, or ``None`` for the
    pixel.
    """

    start: int
    end: int
    quoted: bool
    content: str | None


def _find_holes(
    text: str, opens: bool, clicks: bool, untracked: Collection[str]
) -> tuple[list[_Hole], HeldPixels]:
    if not opens and not clicks:
        return [], HeldPixels((), bool)
    outline, owns = read_outline(text), make_owner()
    urls = [href.url for href in outline.hrefs if clicks]
    targets = _choose_targets(urls, untracked, owns)
    holes = [_Hole(*href) for href in outline.hrefs if href.url in targets]
    opens = opens and not outline.off
    held = HeldPixels(outline.images if opens else (), owns)
    if opens and not held.has_own:
        holes.append(_Hole(outline.end, outline.end, True, None))
        holes += [
            _Hole(each.start, each.end, True, text[each.start : each.end])
            for each in held.quoted
        ]
    return sorted(holes, key=lambda hole: hole.start), held


def _cut(text: str, holes: Iterable[_Hole]) -> list[str]:
    parts, at = [""], 0
    for hole in holes:
        mark = "" if hole.quoted else '"'
        parts[-1] += text[at : hole.start] + mark
        parts += "", mark
        at = hole.end
    parts[-1] += text[at:]
    return parts


def _choose_targets(
    urls: Iterable[str], untracked: Collection[str], owns: Callable[[str], bool]
) -> set[str]:
    """Return those of the URLs that links can be tracked to."""
    targets = {url for url in set(urls).difference(untracked) if _is_target(url, owns)}
    # Else a mail with such a URL, which may be a customer's, could not be sent.
    long = {url for url in targets if _measure(url) > LONGEST_TARGET}
    if long:
        log(
            logging.WARNING,
            "A mail has links to %d targets of more than %d bytes. They go out "
            "untracked: shorten them",
            *(len(long), LONGEST_TARGET),
        )
    return targets - long


def _measure(url: str) -> int:
    """Return the number of bytes that a URL takes up in a token."""
    return len(json.dumps(url, ensure_ascii=False).encode())


def _is_target(url: str, owns: Callable[[str], bool]) -> bool:
    if _LEFT_OVER.search(url):
        return False
    try:
        check_target(url)
    except ValueError:
        return False
    return not owns(url)


def _track_text(
    text: str,
    untracked: Collection[str],
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
) -> str:
    found = [
        (start, end, url)
        for start, end, url in find_urls(text)
        # Up to the next white space: linkify-it ends a URL before a left-over.
        if not _LEFT_OVER.search(text[start : end + 80].split(maxsplit=1)[0])
    ]
    urls = (url for *_, url in found)
    targets = _choose_targets(urls, untracked, make_owner())
    made = {url: link_url(url, *args, **kwargs) for url in targets}
    parts: list[str] = []
    at = 0
    for start, end, url in found:
        if url in made:
            parts += text[at:start], made[url]
            at = end
    return "".join([*parts, text[at:]])
