"""Values as all databases can hold them, without losing any of them.

PostgreSQL's ``text`` and ``jsonb`` refuse U+0000
(https://www.postgresql.org/docs/current/datatype-json.html), no database takes half of
a surrogate pair, and JSON has no infinity. SQLite nests 1,000 deep at most
(https://www.sqlite.org/json1.html).
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

from django.utils import timezone

from ptrack import conf

REPLACEMENT = "\ufffd"
MAX_DEPTH = 100
"""Lists and objects within each other; deeper ones are kept as their JSON."""

MAX_WRITTEN = 100_000
"""Such levels that are written: no token is as deep, but a list may contain itself."""

MAX_DIGITS = 640
"""Digits of an integer; longer ones are kept as their hexadecimal text.

It is the lowest limit that a process can set for reading and writing integers
(https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).
"""

_END = 10**MAX_DIGITS
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


def clean_ip(value: Any) -> str | None:
    """Return an address that any database takes; ``None`` if it isn't an address.

    The scope of a link-local address is left out: PostgreSQL's ``inet`` has none
    (https://www.postgresql.org/docs/current/datatype-net-types.html).
    """
    try:
        address = str(ip_address(str(value)))
    except ValueError:
        return None
    return address.partition("%")[0]


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
    names = _clean_names(values)
    return {name: _clean_value(value, depth) for name, value in names}


def _clean_names(values: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for name, value in values.items():
        cleaned = _write_text(name)
        # Two names may differ only in characters that were replaced.
        while cleaned in seen:
            cleaned += REPLACEMENT
        seen.add(cleaned)
        yield cleaned, value


def _clean_value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -_END < value < _END:
        return value
    if isinstance(value, float):
        return _clean_number(value)
    if not isinstance(value, Mapping | list | tuple):
        return _write_text(value)
    if depth >= MAX_DEPTH:
        return _write_json(value)
    if isinstance(value, Mapping):
        return _clean_mapping(value, depth + 1)
    return [_clean_value(each, depth + 1) for each in value]


def _write_text(value: Any) -> str:
    if isinstance(value, int) and not -_END < value < _END:
        return hex(value)
    return clean_text(str(value))


class _Json(str):
    """A part of a JSON text."""


def _write_json(value: Any) -> str:
    """Return the JSON of a value that nests deeper than `json` can follow."""
    written: list[str] = []
    depth, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping | list | tuple):
            waiting.extend(reversed(_split(part)))
            continue
        if not isinstance(part, _Json):
            part = json.dumps(_clean_value(part, 0))
        written.append(part)
        depth += _DEPTHS.get(part, 0)
        if depth > MAX_WRITTEN:
            raise ValueError("a list or an object contains itself")
    return "".join(written)


_DEPTHS = {"[": 1, "{": 1, "]": -1, "}": -1}


def _split(value: Any) -> list[Any]:
    """Return the parts of a list or an object: the values, and what stands between."""
    if isinstance(value, Mapping):
        named = ((f"{json.dumps(name)}: ", each) for name, each in _clean_names(value))
        start, end = "{}"
    else:
        named = (("", each) for each in value)
        start, end = "[]"
    parts = [part for name, each in named for part in (_Json(f", {name}"), each)]
    if parts:
        parts[0] = _Json(parts[0].removeprefix(", "))
    return [_Json(start), *parts, _Json(end)]


def _clean_number(value: float) -> Any:
    if not math.isfinite(value):
        return str(value)
    if "e+" in repr(value):
        # PostgreSQL stores all digits of it, and it would come back as an integer.
        return int(Decimal(repr(value)))
    # PostgreSQL has no negative zero.
    return value + 0.0
