"""What a token may carry: values that read back from JSON as what they were.

``str``, ``int``, finite ``float``, ``bool``, ``None``, lists, dicts with ``str`` keys;
subclasses of these that read back equal; and lazy translations, as their text. Nothing
is silently made into something else.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 100
"""How deep lists and dicts may nest: reading deeper ones can exhaust the stack."""

_dumps = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
_dumps_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_loads = json.JSONDecoder().decode

_EXACT = frozenset({str, int, float, bool, type(None)})
_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)


def json_bytes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Give the arguments as compact JSON, an array of an array and an object.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.

    Returns:
        UTF-8, with escapes only where it can't be had otherwise.

    Raises:
        TypeError: A value is of none of JSON's types; the message names it.
        ValueError: A value of a fitting type can't be held.
    """
    if not _all_exact(args):
        args = tuple(
            _named(value, f"positional argument {position}")
            for position, value in enumerate(args, 1)
        )
    if not _all_exact(kwargs.values()):
        kwargs = {
            key: _named(value, f"keyword argument {key!r}")
            for key, value in kwargs.items()
        }
    try:
        return _dumps((args, kwargs)).encode()
    except ValueError:
        return _rare_json_bytes(args, kwargs)


def _all_exact(values: Iterable[Any]) -> bool:
    # A loop, because there are few: all() with a generator takes twice as long.
    for value in values:  # noqa: SIM110
        if not _is_exact(type(value)):
            return False
    return True


def _is_exact(kind: type) -> bool:
    """Tell whether JSON holds all values of a type as they are.

    Texts of templates are of a subclass of ``str``. It is written as what ``str`` says
    it is, so that is what it has to be compared as.
    """
    return kind in _EXACT or (issubclass(kind, str) and kind.__eq__ is str.__eq__)


def _rare_json_bytes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Find the value that JSON can't hold, or escape what UTF-8 can't.

    A lone surrogate has no UTF-8 but an escape in JSON. Two that make a pair read back
    as the one character they stand for, which is another text.
    """
    for position, value in enumerate(args, 1):
        _assure_json(value, f"positional argument {position}")
    for key, value in kwargs.items():
        _assure_json(key, f"the name of keyword argument {key!r}")
        _assure_json(value, f"keyword argument {key!r}")
    return _dumps_ascii((args, kwargs)).encode()


def _assure_json(value: Any, name: str) -> None:
    try:
        same = _loads(_dumps_ascii(value)) == value
    except ValueError as error:
        raise ValueError(f"{_subject(value, name)}: {error}") from None
    if not same:
        raise ValueError(
            f"{_subject(value, name)} would read back as another text, because of "
            "surrogates in it: encode it properly first"
        )


def _named(value: Any, name: str) -> Any:
    """Give the value as JSON's own types, or raise an error that names the argument."""
    try:
        return _plain(value, MAX_DEPTH)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{_subject(value, name)}: {error}") from None


def _subject(value: Any, name: str) -> str:
    return f"ptrack can't carry {name} of type {type(value).__qualname__}"


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if _is_exact(kind):
        return value
    if not depth:
        raise ValueError(f"lists and dicts nest deeper than {MAX_DEPTH} levels")
    plain = _converted(value, depth)
    if kind is list or kind is dict or _equal(plain, value):
        return plain
    raise TypeError(_unfit(value))


def _converted(value: Any, depth: int) -> Any:
    """Give the JSON value that stands for this one, which may still differ from it."""
    if isinstance(value, dict):
        return {_plain_key(key): _plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, depth - 1) for each in value]
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return _text(value)


def _plain_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a dict in it is of type {type(key).__qualname__}")
    return str.__str__(key)


def _text(value: Any) -> str:
    """Give the text of what may equal it: a lazy translation, of whatever library."""
    try:
        return str(value)
    except Exception:
        raise TypeError(_unfit(value)) from None


def _equal(plain: Any, value: Any) -> bool:
    try:
        return (value == plain) is True
    except Exception:
        return False


def _unfit(value: Any) -> str:
    return (
        f"{type(value).__qualname__} is none of JSON's types (str, int, float, bool, "
        "None, list, dict with str keys) and would read back different; convert it, "
        "for example with str(), isoformat() or list()"
    )
