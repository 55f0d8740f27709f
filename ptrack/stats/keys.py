"""The key of a row: the value that distinguishes readers, as text."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from . import storage

LENGTH = 200
"""Characters of the column; with four bytes each, an index can hold them easily.

PostgreSQL's B-tree takes up to a third of a page: 2,704 bytes
(https://www.postgresql.org/docs/current/btree.html).
"""

_DIGEST = 32
START = LENGTH - 2 * _DIGEST - 1
"""Characters of a long value that its key begins with."""


def find_key(kwargs: Mapping[str, Any], keyword: str | None) -> str | None:
    """Return the key of a row.

    Args:
        kwargs: The keyword arguments as they are stored: see `ptrack.stats.storage`.
        keyword: The name of one of them; ``None`` for no keys at all.

    Returns:
        Its value: text as it is, anything else as JSON with sorted objects; a value as
        long as the column or longer as its start and its digest. ``None`` if the
        keyword is missing or ``None``.
    """
    value = None if keyword is None else kwargs.get(keyword)
    return None if value is None else fit_column(write_value(value))


def make_key(value: Any) -> str | None:
    """Return the key that the rows of a value have.

    Args:
        value: The value of the keyword, as the pixel or the link was made with it.
    """
    (stored,) = storage.clean_list([value])
    return find_key({"": stored}, "")


def write_value(value: Any) -> str:
    """Return text as it is, and anything else as JSON."""
    if isinstance(value, str):
        return value
    # PostgreSQL has an order of its own for the keys of an object.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def fit_column(text: str) -> str:
    """Return a text that fits the column, a different one for every text.

    Only a text that is too long fills the column to the last character. So no text can
    pass for the digest of another one.
    """
    if len(text) < LENGTH:
        return text
    digest = blake2b(text.encode(), digest_size=_DIGEST).hexdigest()
    return f"{text[:START]}~{digest}"
