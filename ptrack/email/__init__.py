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

from .html import Outline, read_outline
from .messages import Part, open_message
from .pgp import has_armor
from .text import find_urls, make_key

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
    links tracked if ``text_links``. Attachments stay as they are, and so do a message
    inside the message and everything that is signed, by OpenPGP in the text itself too.

    These links are not tracked: those that aren't absolute ones of http or https, or
    that have a template's left-overs in them such as ``{{ id }}``; those of the header
    ``List-Unsubscribe``, and those with ``rel="unsubscribe"``; those with
    ``data-ptrack="off"`` or ``class="ptrack-off"``, or inside an element that has it
    (``<body>`` turns off all of them, and the pixel too); those that are tracked
    already; and those of more than `LONGEST_TARGET`. Targets that are off in the HTML
    of a mail are off in its plain text.

    The time grows with the length of the mail and no faster, whatever is in it. Parts
    with headers that are too long to parse stay as they are, and a warning is logged.

    Args:
        message: Django's ``EmailMessage`` or ``EmailMultiAlternatives``, or the
            standard library's ``email.message.EmailMessage``. It isn't changed.
        args: The positional arguments for the callbacks of the pixel and of each link;
            a link's target comes before them.
        opens: Put a pixel into the mail, at the end of the last HTML part.
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
    mail = open_message(message)
    parts = [part for part in mail.parts if part.subtype == "html"]
    free = [part for part in parts if not has_armor(part.text)]
    off, off_urls = False, set(mail.unsubscribe)
    for part in parts:
        template = TrackedTemplate(
            part.text,
            opens=opens and part in free[-1:],
            clicks=clicks,
            untracked=mail.unsubscribe,
        )
        part.replace(template.render(*args, **kwargs))
        off = off or template.off
        off_urls |= template.off_urls
    if text_links and not off:
        for part in mail.parts:
            if part.subtype == "plain":
                part.replace(_track_text(part, off_urls, args, kwargs))
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

    Attributes:
        off: The whole HTML asks not to be tracked.
        off_urls: The targets of the links in it that ask not to be tracked.

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
        outline = read_outline(text)
        self.off, self.off_urls = outline.off, outline.off_urls
        signed = has_armor(text)
        holes = [] if signed else _find_holes(outline, opens, clicks, untracked)
        # Texts at even places, and the holes between them at odd ones.
        self._parts = _cut(text, holes)
        self._holes = [hole.url for hole in holes]
        self._targets = [url for url in dict.fromkeys(self._holes) if url is not None]
        self._opens = None in self._holes

    def render(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the HTML for one mail.

        Links to the same target get the same URL.

        Args:
            args: As for `track`.
            kwargs: As for `track`; here no name is an option.

        Raises:
            TypeError, ValueError, PtrackConfigurationError: As for `track`.
        """
        made: dict[str | None, str] = {
            url: escape(link_url(url, *args, **kwargs)) for url in self._targets
        }
        if self._opens:
            made[None] = make_tag(pixel_url(*args, **kwargs), ACCESSIBLE_ATTRIBUTES)
        parts = self._parts.copy()
        parts[1::2] = [made[hole] for hole in self._holes]
        return self._kind("".join(parts))


class _Hole(NamedTuple):
    """A place for the tracked URL of a target, or for the pixel (no URL)."""

    start: int
    end: int
    quoted: bool
    url: str | None


def _find_holes(
    outline: Outline, opens: bool, clicks: bool, untracked: Collection[str]
) -> list[_Hole]:
    if not opens and not clicks:
        return []
    owns = make_owner()
    urls = [href.url for href in outline.hrefs if clicks]
    targets = _choose_targets(urls, untracked, owns)
    holes = [_Hole(*href) for href in outline.hrefs if href.url in targets]
    if opens and not outline.off and not any(map(owns, outline.images)):
        holes.append(_Hole(outline.end, outline.end, True, None))
    return sorted(holes, key=lambda hole: hole.start)


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
    part: Part,
    off_urls: Iterable[str],
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
) -> str:
    text = part.text
    if has_armor(text):
        return text
    off = set(map(make_key, off_urls))
    found = [
        (start, end, url)
        for start, end, url in find_urls(text, joined=part.joined)
        # Up to the next white space: a URL ends before a left-over.
        if make_key(url) not in off
        and not _LEFT_OVER.search(text[start : end + 80].split(maxsplit=1)[0])
    ]
    urls = (url for *_, url in found)
    targets = _choose_targets(urls, (), make_owner())
    made = {url: link_url(url, *args, **kwargs) for url in targets}
    parts: list[str] = []
    at = 0
    for start, end, url in found:
        if url in made:
            parts += text[at:start], made[url]
            at = end
    return "".join([*parts, text[at:]])
