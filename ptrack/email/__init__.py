"""Whole mails: a pixel at the end of the HTML, and its links turned into tracked ones.

Everything else of the HTML stays as it is, to the byte.
"""

import html
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from ptrack.core.links import check_target
from ptrack.shortcuts import link_url, owner, pixel_tag

from . import text as plaintext
from .html import outline
from .messages import Part, opened

AnyMessage = TypeVar("AnyMessage")

# What mail builders and providers fill in later; a target that has such a thing in it
# isn't one yet: {{ }}, {% %}, *| |*, [[ ]], <% %>, ${ }, %% %% and %name%.
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
    links tracked if ``text_links``. Attachments stay as they are, and so does a message
    within the message, and all that is signed.

    Not tracked are links that aren't absolute ones of http or https, or that have a
    template's left-overs in them such as ``{{ id }}``; those of the header
    ``List-Unsubscribe``, and those with ``rel="unsubscribe"``; those with
    ``data-ptrack="off"``, or inside an element that has it (on ``<body>`` that is all,
    and no pixel either); and those that are tracked already.

    Args:
        message: Django's ``EmailMessage`` or ``EmailMultiAlternatives``, or the
            standard library's ``email.message.EmailMessage``. It isn't changed.
        args: What the callbacks of the pixel and of each link are to get as positional
            arguments, a link's after its target.
        opens: Put a pixel into it, at the end of the last HTML part.
        clicks: Turn the links of its HTML into tracked ones.
        text_links: Turn those of its plain text into tracked ones too. Needs the extra
            ``email`` of the distribution.
        kwargs: What they are to get as keyword arguments. Data named as one of the
            three options goes into a dict: ``track(message, {"opens": 3})``.

    Returns:
        A copy of the message, of the same kind.

    Raises:
        TypeError: It is no such message, or an argument can't be carried.
        ValueError: An argument can't be carried.
        ImportError: ``text_links`` needs a library that isn't there.
        PtrackConfigurationError: As for `ptrack.pixel_url`.
    """
    mail = opened(message)
    parts = [part for part in mail.parts if part.subtype == "html"]
    for part in parts:
        template = TrackedTemplate(
            part.text,
            opens=opens and part is parts[-1],
            clicks=clicks,
            untracked=mail.unsubscribe,
        )
        _put(part, template.render(*args, **kwargs))
    if text_links:
        for part in mail.parts:
            if part.subtype == "plain":
                _put(part, _with_links(part.text, mail.unsubscribe, args, kwargs))
    found: AnyMessage = mail.message
    return found


def track_html(
    text: str, /, *args: Any, opens: bool = True, clicks: bool = True, **kwargs: Any
) -> str:
    """Track the opens of an HTML text and the clicks on its links.

    Args:
        text: The HTML of a mail.
        args: See `track`.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        kwargs: See `track`.

    Returns:
        The text with nothing else changed; one that was marked safe still is.

    Raises:
        TypeError, ValueError, PtrackConfigurationError: As for `track`.
    """
    return TrackedTemplate(text, opens=opens, clicks=clicks).render(*args, **kwargs)


class TrackedTemplate:
    """The HTML of many mails, parsed once.

    Args:
        text: The HTML. What differs between the mails, other than what they carry, is
            up to whoever fills it in, before or after.
        opens: Put a pixel into it.
        clicks: Turn its links into tracked ones.
        untracked: Targets that stay as they are, such as those of the mail's
            ``List-Unsubscribe``.

    Raises:
        TypeError: The text is none.
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
        # Marked safe, whoever's class that is; else it may be built in any way.
        self._kind: Callable[[str], str] = (
            type(text) if hasattr(text, "__html__") else str
        )
        holes = _holes(text, opens, clicks, untracked)
        # Texts at even places, and what is put between them at odd ones.
        self._parts = _cut(text, holes)
        self._holes = [hole.url for hole in holes]
        self._targets = [url for url in dict.fromkeys(self._holes) if url is not None]
        self._opens = None in self._holes

    def render(self, /, *args: Any, **kwargs: Any) -> str:
        """Give the HTML for one mail.

        Links to the same target get the same URL.

        Args:
            args: See `track`.
            kwargs: See `track`; here no name is an option.

        Raises:
            TypeError, ValueError, PtrackConfigurationError: As for `track`.
        """
        made: dict[str | None, str] = {
            url: html.escape(link_url(url, *args, **kwargs)) for url in self._targets
        }
        if self._opens:
            made[None] = pixel_tag(*args, **kwargs)
        parts = self._parts.copy()
        parts[1::2] = [made[hole] for hole in self._holes]
        return self._kind("".join(parts))


def _put(part: Part, text: str) -> None:
    # One that is the same keeps even the form it is encoded in.
    if text != part.text:
        part.put(text)


class _Hole(NamedTuple):
    """Something to put in: the pixel, or the tracked URL for a target."""

    start: int
    end: int
    quoted: bool
    url: str | None


def _holes(
    text: str, opens: bool, clicks: bool, untracked: Collection[str]
) -> list[_Hole]:
    if not opens and not clicks:
        return []
    found, own = outline(text), owner()
    holes = [
        _Hole(*href)
        for href in found.hrefs
        if clicks and _is_target(href.url, untracked, own)
    ]
    if opens and not found.off and not any(map(own, found.images)):
        holes.append(_Hole(found.end, found.end, True, None))
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


def _is_target(
    url: str, untracked: Collection[str], own: Callable[[str], bool]
) -> bool:
    if url in untracked or _LEFT_OVER.search(url):
        return False
    try:
        check_target(url)
    except ValueError:
        return False
    return not own(url)


def _with_links(
    text: str,
    untracked: Collection[str],
    args: Iterable[Any],
    kwargs: Mapping[str, Any],
) -> str:
    own = owner()
    parts: list[str] = []
    at = 0
    for start, end in plaintext.urls(text):
        url = text[start:end]
        # Up to the next white space, because a left-over ends a URL, or so it seems.
        word = text[start : end + 80].split(maxsplit=1)[0]
        if not _LEFT_OVER.search(word) and _is_target(url, untracked, own):
            parts += text[at:start], link_url(url, *args, **kwargs)
            at = end
    return "".join([*parts, text[at:]])
