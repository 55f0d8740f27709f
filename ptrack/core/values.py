"""The content of a token as JSON: values that read back as they were.

These are ``str``, ``int``, finite ``float``, ``bool``, ``None``, lists, dicts with
``str`` keys; subclasses of these that read back equal; and lazy translations, as their
text. No other value is silently converted into one of these.
"""

import json
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 100
"""How deep lists and dicts may nest: reading deeper ones can exhaust the stack."""

# A value of these types reads back as it was, unless it can't be encoded at all. So
# reading it is spared, which would take a third longer.
_SCALARS = frozenset({str, int, float, bool, type(None)})

# Any other value becomes its text, and is refused below unless it equals that, as lazy
# translations of any library do.
_dumps = json.JSONEncoder(
    default=str,
    separators=(",", ":"),
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,
).encode
_dumps_ascii = json.JSONEncoder(
    default=str, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_loads = json.JSONDecoder().decode
_raw_decode = json.JSONDecoder().raw_decode


def encode_values(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return the arguments as compact JSON, an array of an array and an object.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.

    Returns:
        UTF-8, with escapes only where UTF-8 can't hold the text.

    Raises:
        TypeError: A value isn't of one of JSON's types; the message names it.
        ValueError: A value of a fitting type can't be held.
    """
    given = (args, kwargs)
    try:
        text = _dumps(given)
        types = map(type, (*args, *kwargs.values()))
        if _SCALARS.issuperset(types) or _reads_back(text, args, kwargs):
            return text.encode()
    except Exception:  # noqa: S110 - the reason is looked for below
        pass
    for name, value in _name_all(args, kwargs):
        _check(name, value)
    try:
        return _dumps(given).encode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 but an escape in JSON.
        return _dumps_ascii(given).encode()


def _reads_back(text: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return _is_shallow(text) and _raw_decode(text)[0] == [list(args), kwargs]


def _is_shallow(text: str) -> bool:
    """Return whether JSON can't nest too deep, by the number of its brackets."""
    return len(text) <= MAX_DEPTH or text.count("[") + text.count("{") <= MAX_DEPTH


def _name_all(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    for position, value in enumerate(args, 1):
        yield f"positional argument {position}", value
    for key, value in kwargs.items():
        yield f"the name of keyword argument {key!r}", key
        yield f"keyword argument {key!r}", value


def _check(name: str, value: Any) -> None:
    """Raise an error that names the argument, if JSON can't hold it."""
    subject = f"ptrack can't carry {name} of type {type(value).__qualname__}"
    try:
        _check_depth(value, MAX_DEPTH)
        if (_loads(_dumps_ascii(value)) == value) is True:
            return
    except ValueError as error:
        raise ValueError(f"{subject}: {error}") from None
    except Exception:  # noqa: S110 - the reason is looked for below
        pass
    unfit = _find_unfit(value)
    if isinstance(unfit, str) and not _is_held(str.__str__(unfit)):
        raise ValueError(
            f"{subject} would read back as another text, because of surrogates in it: "
            "encode it properly first"
        )
    raise TypeError(
        f"{subject}: {type(unfit).__qualname__} isn't one of JSON's types (str, int, "
        "float, bool, None, list, dict with str keys) and would read back different; "
        "convert it, for example with str(), isoformat() or list()"
    )


def _check_depth(value: Any, depth: int) -> None:
    if not isinstance(value, list | dict):
        return
    if not depth:
        raise ValueError(f"lists and dicts nest deeper than {MAX_DEPTH} levels")
    for each in value.values() if isinstance(value, dict) else value:
        _check_depth(each, depth - 1)


def _find_unfit(value: Any) -> Any:
    """Return the innermost value, or key, that reads back different."""
    inner: list[Any] = []
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or not _is_held(key):
                return key
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    return next((_find_unfit(each) for each in inner if not _is_held(each)), value)


def _is_held(value: Any) -> bool:
    try:
        return (_loads(_dumps_ascii(value)) == value) is True
    except Exception:
        return False
