"""What databases can hold of what a hit carries, without losing any of it.

PostgreSQL's ``text`` and ``jsonb`` refuse U+0000
(https://www.postgresql.org/docs/current/datatype-json.html), no database takes half of
a surrogate pair, and JSON has no infinity. SQLite nests 1,000 deep at most
(https://www.sqlite.org/json1.html), and leaves out without a word what it refuses
where a row may be there already.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ptrack import conf

REPLACEMENT = "\ufffd"
MAX_DEPTH = 100
"""Lists and objects within each other; what is deeper is kept as the JSON of it."""

_REFUSED = re.compile("[\x00\ud800-\udfff]")


def text(value: str) -> str:
    """Give a text with U+FFFD for each character that can't be stored."""
    return _REFUSED.sub(REPLACEMENT, value)


def array(values: Iterable[Any]) -> list[Any]:
    """Give a list that can be stored as JSON, and is the same in every database."""
    return [_value(each, 1) for each in values]


def mapping(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Give a dict that can be stored as JSON, and is the same in every database."""
    return _mapping(values, 1)


def time(at: datetime) -> datetime:
    """Give a time as the site's database takes it: with a time zone, or without.

    Args:
        at: If it has no zone, it is in the site's.
    """
    # Not the one of whoever loaded the pixel, which a middleware may have activated.
    zone = timezone.get_default_timezone()
    if conf.uses_time_zones():
        return timezone.make_aware(at, zone) if timezone.is_naive(at) else at
    return at if timezone.is_naive(at) else timezone.make_naive(at, zone)


def _mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = text(str(name))
        # Two that only differed in what was replaced.
        while key in found:
            key += REPLACEMENT
        found[key] = _value(value, depth)
    return found


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if not isinstance(value, Mapping | list | tuple):
        return text(str(value))
    if depth >= MAX_DEPTH:
        return text(json.dumps(value, default=str))
    if isinstance(value, Mapping):
        return _mapping(value, depth + 1)
    return [_value(each, depth + 1) for each in value]


def _number(value: float) -> Any:
    if not math.isfinite(value):
        return str(value)
    if "e+" in repr(value):
        # PostgreSQL writes such a one out, and it would come back as an integer.
        return int(Decimal(repr(value)))
    # And it knows no negative zero.
    return value + 0.0
