"""The kinds of URL that ptrack makes, each as data: a pixel and a link.

A kind holds everything that differs between them, so that all code is the same for
each. A further kind is an entry here, its base class, and its name in `ptrack`.
"""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .answers import (
    LINK_NOT_FOUND,
    PIXEL_IMAGE,
    REDIRECT,
    Answer,
    drop_body,
    make_not_allowed,
)


class Callback(abc.ABC):
    """Base class of all callbacks; each kind has one of its own.

    Attributes:
        background: Run `record` in a worker if ``PTRACK_BACKGROUND`` names an engine;
            without one it runs in the request, like any other.
    """

    background: bool = False

    @abc.abstractmethod
    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Record a hit."""


class TrackingPixel(Callback):
    """Base class of callbacks for pixels.

    Subclass it, define `record`, and register the class with ``ptrack.tracker``.
    """

    @abc.abstractmethod
    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Record that the pixel was loaded; may be ``async def``.

        Args:
            request: The request for the pixel: Django's ``HttpRequest``, or a
                ``webob.Request`` with ``META`` outside Django and in a worker.
            args: The positional arguments that the pixel was made with.
            kwargs: Its keyword arguments.

        Exceptions are logged. The return value is ignored.
        """


class TrackingLink(Callback):
    """Base class of callbacks for links: the same rules as for pixels."""

    @abc.abstractmethod
    def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> Any:
        """Record that the link was followed; may be ``async def``.

        Args:
            request: The request for the link, as for `TrackingPixel.record`.
            url: The target, as it was given to ``link_url``.
            args: The positional arguments that the link was made with.
            kwargs: Its keyword arguments.

        Exceptions are logged. The return value is ignored.
        """


@dataclass(frozen=True, eq=False, kw_only=True)
class Kind:
    """All that differs between one kind of URL and another.

    Attributes:
        name: The kind's name, in jobs and messages.
        segment: The part of the path between the prefix and the token, with a slash at
            its end; the pixel has none.
        purpose: The purpose that the key of its tokens is derived for, at most 16
            bytes; ``None`` for the secret's own key. See
            `ptrack.core.tokens.TokenBox.derive`.
        has_target: The last positional argument in the token is the URL that the
            answer leads to.
        answers: The answer to each method; any other method gets `not_allowed`.
        records: The methods that record a hit.
        unreadable: The answers where the token can't be read, to the same methods. The
            same mapping as ``answers`` if nobody may see the difference; then nothing
            is decrypted for a method that doesn't record.
        failed: The answer where a callback failed; ``None`` for the usual one.
        honours_objection: With ``PTRACK_HONOUR_GPC``, don't record a hit whose sender
            objects to tracking.
        callback: The base class of its callbacks.
        counter: The name of a hit of this kind in `ptrack.Counters.hit`.
    """

    name: str
    segment: str
    purpose: bytes | None
    has_target: bool
    answers: Mapping[str, Answer]
    records: frozenset[str]
    unreadable: Mapping[str, Answer]
    failed: Answer | None
    honours_objection: bool
    callback: type[Any]
    counter: str

    @cached_property
    def not_allowed(self) -> Answer:
        """The answer to all other methods."""
        return make_not_allowed(self.answers)

    @property
    def callback_name(self) -> str:
        """The base class as users import it."""
        return f"ptrack.{self.callback.__name__}"


_IMAGE = {"GET": PIXEL_IMAGE, "HEAD": drop_body(PIXEL_IMAGE)}

PIXEL = Kind(
    name="pixel",
    segment="",
    purpose=None,
    has_target=False,
    answers=_IMAGE,
    records=frozenset({"GET"}),
    unreadable=_IMAGE,
    failed=None,
    honours_objection=True,
    callback=TrackingPixel,
    counter="open",
)
"""The image at the end of a mail."""

LINK = Kind(
    name="link",
    segment="link/",
    purpose=b"ptrack link",
    has_target=True,
    answers={"GET": REDIRECT, "HEAD": REDIRECT},
    records=frozenset({"GET"}),
    unreadable={"GET": LINK_NOT_FOUND, "HEAD": drop_body(LINK_NOT_FOUND)},
    failed=None,
    honours_objection=True,
    callback=TrackingLink,
    counter="click",
)
"""A redirect to a target."""

KINDS: tuple[Kind, ...] = (PIXEL, LINK)
"""All kinds. Look this up in this module, at each use: a test may add a kind."""
