"""What tells one reader from the next: the value of a keyword, as text for an index."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from . import storable

LENGTH = 200
"""Characters of the column; four bytes each are well below what an index can hold.

PostgreSQL's B-tree takes up to a third of a page: 2,704 bytes
(https://www.postgresql.org/docs/current/btree.html).
"""

_DIGEST = 32
_PREFIX = LENGTH - 2 * _DIGEST - 1


def key_of(kwargs: Mapping[str, Any], keyword: str | None) -> str | None:
    """Give what unique opens are told apart by.

    Args:
        kwargs: As they are stored: see `ptrack.opens.storable`.
        keyword: The name of one; ``None`` if there is none.

    Returns:
        Its value: text as it is, anything else as JSON, whose objects are sorted; a
        value as long as the column or longer as its start and its digest.
        ``None`` where the keyword is missing, or is ``None``.
    """
    value = None if keyword is None else kwargs.get(keyword)
    return None if value is None else indexable(as_text(value))


def stored(value: Any) -> str | None:
    """Give the key that a value of the keyword has in the tables.

    Args:
        value: As it was given when the pixel or the link was made.
    """
    (kept,) = storable.array([value])
    return key_of({"": kept}, "")


def as_text(value: Any) -> str:
    """Give text as it is, and anything else as JSON."""
    if isinstance(value, str):
        return value
    # PostgreSQL has an order of its own for the keys of an object.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def indexable(text: str) -> str:
    """Give a text that fits the column, and is another for every other text.

    One that would be cut fills the column to the last character, and no other does:
    so none can pass for another one's digest.
    """
    if len(text) < LENGTH:
        return text
    digest = blake2b(text.encode(), digest_size=_DIGEST).hexdigest()
    return f"{text[:_PREFIX]}~{digest}"
