"""Values as all databases can hold them, without losing any of them.

PostgreSQL's ``text`` and ``jsonb`` refuse U+0000
(https://www.postgresql.org/docs/current/datatype-json.html), no database takes half of
a surrogate pair, and JSON has no infinity. SQLite nests 1,000 deep at most
(https://www.sqlite.org/json1.html). Where rows may exist already, it leaves out a row
that it refuses, without an error.
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
"""Lists and objects within each other; deeper ones are kept as their JSON."""

_REFUSED = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return a text with U+FFFD for each character that can't be stored."""
    return _REFUSED.sub(REPLACEMENT, text)


def clean_list(values: Iterable[Any]) -> list[Any]:
    """Return a list that can be stored as JSON, and is the same in every database."""
    return [_clean_value(each, 1) for each in values]


def clean_dict(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a dict that can be stored as JSON, and is the same in every database."""
    return _clean_mapping(values, 1)


def clean_time(at: datetime) -> datetime:
    """Return a time as the site's database takes it: with a time zone, or without.

    Args:
        at: Without a zone, it is a time in the site's zone.
    """
    # Not the current zone: a middleware may have activated the visitor's.
    zone = timezone.get_default_timezone()
    if conf.get_django("USE_TZ"):
        return timezone.make_aware(at, zone) if timezone.is_naive(at) else at
    return at if timezone.is_naive(at) else timezone.make_naive(at, zone)


def _clean_mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        key = clean_text(str(name))
        # Two names may differ only in characters that were replaced.
        while key in cleaned:
            key += REPLACEMENT
        cleaned[key] = _clean_value(value, depth)
    return cleaned


def _clean_value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return _clean_number(value)
    if not isinstance(value, Mapping | list | tuple):
        return clean_text(str(value))
    if depth >= MAX_DEPTH:
        return clean_text(json.dumps(value, default=str))
    if isinstance(value, Mapping):
        return _clean_mapping(value, depth + 1)
    return [_clean_value(each, depth + 1) for each in value]


def _clean_number(value: float) -> Any:
    if not math.isfinite(value):
        return str(value)
    if "e+" in repr(value):
        # PostgreSQL stores all digits of it, and it would come back as an integer.
        return int(Decimal(repr(value)))
    # PostgreSQL has no negative zero.
    return value + 0.0
