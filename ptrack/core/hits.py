"""The identity of a hit: what tells it from the next, and when it was."""

import secrets
import time
import uuid
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

KEY = "ptrack.hit"
"""Where it is in the environ of a request, once it was asked for."""


class Hit(NamedTuple):
    """One request that carried a token.

    Attributes:
        id: The same wherever and however often this hit is recorded, and no other's: a
            UUID of version 7 (RFC 9562, section 5.7), which sorts by time.
        at: When it was, in UTC.
    """

    id: uuid.UUID
    at: datetime


def hit(request: Any) -> Hit:
    """Give the identity of the hit that a callback got a request of.

    All callbacks of a hit are told the same one, in the request and in a worker, where
    a hit may arrive more than once: count an ``id`` once.

    Args:
        request: What the callback got: an object with ``META``.
    """
    environ: MutableMapping[str, Any] = request.META
    found: Hit | None = environ.get(KEY)
    if found is None:
        found = environ[KEY] = _new()
    return found


def _new() -> Hit:
    # The id is made of the rounded time, or it could be of another millisecond.
    at = datetime.fromtimestamp(time.time(), UTC)
    return Hit(_uuid7(at.timestamp()), at)


def _uuid7(seconds: float) -> uuid.UUID:
    """Give a UUID that sorts by time, so that rows with such keys are kept together.

    The `uuid` of Python has it from 3.14 on.
    """
    number = int(seconds * 1000) << 80 | secrets.randbits(74 + 2 + 4)
    return uuid.UUID(int=number & ~_VARIABLE | _FIXED)


# The version is in the bits 76 to 79, the variant in the bits 62 and 63.
_VARIABLE = 0xF << 76 | 0b11 << 62
_FIXED = 7 << 76 | 0b10 << 62
