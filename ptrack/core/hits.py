"""One hit: a request that carried a valid token, on its way to the callbacks."""

import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .kinds import PIXEL, Kind

_ATTRIBUTE = "ptrack_hit"

MAX_HEADER = 1000
"""The characters of a header that are kept, in a job or in a row; the rest is dropped.

Servers let headers of many megabytes through, and any stranger can send them.
"""


class Hit:
    """A request for a pixel or a link, with the content of its token.

    Attributes:
        kind: The kind of the URL that was requested.
        request: The request that callbacks get.
        args: The positional arguments that the URL was made with.
        kwargs: Its keyword arguments.
        target: The URL that a link leads to; ``None`` for a pixel.
    """

    _at: datetime | None = None
    _id: uuid.UUID | None = None
    _is_kept = False

    def __init__(
        self,
        kind: Kind,
        request: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        target: str | None = None,
    ) -> None:
        self.kind = kind
        self.request = request
        self.args = tuple(args)
        self.kwargs = kwargs
        self.target = target
        self._seconds = time.time()
        # `hit` finds it by its request. Assigning an attribute would take WebOb longer.
        try:
            request.__dict__[_ATTRIBUTE] = self
        except AttributeError:
            # django-ptrack 3.0.0 took any object as a request, a text for example.
            return

    @property
    def at(self) -> datetime:
        """The time at which the request was received, in UTC."""
        if self._at is None:
            self._at = datetime.fromtimestamp(self._seconds, UTC)
        return self._at

    @property
    def id(self) -> uuid.UUID:
        """The identity of this hit alone, the same each time it is recorded.

        A UUID of version 7 (RFC 9562, section 5.7), which sorts by time. Count an id
        once: a worker may get a hit twice.
        """
        if self._id is None:
            # From the rounded time, so that id and time are of the same millisecond.
            self._id = _make_uuid7(self.at.timestamp())
        return self._id

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The positional arguments of ``record``: the request, a target, the rest."""
        if self.target is None:
            return (self.request, *self.args)
        return (self.request, self.target, *self.args)

    def keep(self, request: Any) -> None:
        """Hold the request from now on: a callback has asked for the hit."""
        self.request = request
        self._is_kept = True

    def release(self) -> None:
        """Let go of the request when the callbacks have ended.

        The request has the hit as an attribute, so both would stay in memory until the
        garbage collector looks for such circles. A hit that a callback has asked for
        stays whole.
        """
        if not self._is_kept:
            self.request = None

    def identify(self, id: uuid.UUID, at: datetime) -> None:  # noqa: A002 - its name
        """Set the identity and the time of a hit that was received elsewhere."""
        self._id = id
        self._at = at


def hit(request: Any) -> Hit:
    """Return the hit to which a callback's request belongs.

    All callbacks of a hit get the same one, in the request and in a worker.

    Args:
        request: The request that the callback got. Any other request, in a test for
            example, counts as one for a pixel without arguments.

    Raises:
        TypeError: The request is an object that takes no attributes.
    """
    found: object = getattr(request, _ATTRIBUTE, None)
    if isinstance(found, Hit):
        found.keep(request)
        return found
    made = Hit(PIXEL, request, (), {})
    if not hasattr(request, "__dict__"):
        raise TypeError(
            f"a request that takes attributes is needed, not {type(request).__name__}"
        )
    return made


def _make_uuid7(seconds: float) -> uuid.UUID:
    """Return a UUID that sorts by time, so that rows with such keys lie together.

    Python's `uuid` has it from 3.14 on.
    """
    number = int(seconds * 1000) << 80 | secrets.randbits(74 + 2 + 4)
    return uuid.UUID(int=number & ~_VARIABLE | _FIXED)


# The version is in the bits 76 to 79, the variant in the bits 62 and 63.
_VARIABLE = 0xF << 76 | 0b11 << 62
_FIXED = 7 << 76 | 0b10 << 62


# -- the content of a request ---------------------------------------------------------


def objects(request: Any) -> bool:
    """Return whether a request says that its sender objects to being tracked.

    Args:
        request: With the headers in ``META``, as CGI has them.

    Returns:
        Whether it has ``Sec-GPC: 1`` (https://www.w3.org/TR/gpc/) or ``DNT: 1``
        (https://www.w3.org/TR/tracking-dnt/, which GPC follows).
    """
    return any(request.META.get(name) == "1" for name in ("HTTP_SEC_GPC", "HTTP_DNT"))


def read_environ(request: Any) -> Mapping[str, Any]:
    """Return the WSGI environ of a request, or Django's ``META``, which is named alike.

    Args:
        request: A request as a callback gets it: a Django ``HttpRequest`` (of WSGI or
            of ASGI), a ``webob.Request``, or anything else that has ``META`` or
            ``environ``; or an environ itself.

    Raises:
        TypeError: It isn't one of these.
    """
    if isinstance(request, Mapping):
        return request
    for name in ("META", "environ"):
        found = getattr(request, name, None)
        if isinstance(found, Mapping):
            return found
    raise TypeError(
        "a request with META or environ is needed, or an environ itself, not "
        f"{type(request).__name__}"
    )


def read_text(environ: Mapping[str, Any], key: str) -> str:
    """Return a value of an environ; the empty text if it is missing, or isn't text."""
    found = environ.get(key)
    return found if isinstance(found, str) else ""


def read_header(environ: Mapping[str, Any], key: str) -> str:
    """Return the first `MAX_HEADER` characters of a header, the part that is kept."""
    return read_text(environ, key)[:MAX_HEADER]


def read_forwarded(
    environ: Mapping[str, Any], key: str = "HTTP_X_FORWARDED_FOR"
) -> str:
    """Return the end of a list of addresses: whole entries, up to `MAX_HEADER`.

    Each proxy adds the address of its peer at the end, so strangers wrote the start.
    The result is the same if the header was cut before, on the way to a worker.
    """
    header = read_text(environ, key)
    if len(header) <= MAX_HEADER:
        return header
    return header[-MAX_HEADER:].partition(",")[2]
