"""New keys for all rows, after ``PTRACK_STATS_KEY`` has changed."""

from collections.abc import Iterator
from typing import Any

from django.db import router

from ptrack import conf

from .keys import find_key
from .models import Row

BATCH = 2000
"""Rows that are read at a time, and written if they change."""


def rekey(model: type[Row], batch: int = BATCH) -> int:
    """Set the key of each row to the one that it would get now.

    Rows that are recorded meanwhile have the new key already. It may be run again.

    Args:
        model: `Open` or `Click`.
        batch: Rows in a transaction.

    Returns:
        The number of rows that have changed.
    """
    keyword = conf.get("PTRACK_STATS_KEY")
    manager = model._default_manager.using(router.db_for_write(model))
    changes = 0
    for rows in _read_batches(manager, batch):
        changed = [row for row in rows if _set_key(row, keyword)]
        manager.bulk_update(changed, ["key"])
        changes += len(changed)
    return changes


def _read_batches(manager: Any, batch: int) -> Iterator[list[Row]]:
    rows = manager.only("key", "kwargs").order_by("id")
    found = list(rows[:batch])
    while found:
        yield found
        found = list(rows.filter(id__gt=found[-1].id)[:batch])


def _set_key(row: Row, keyword: str | None) -> bool:
    """Set the key of a row; return whether it is another one now."""
    before, row.key = row.key, find_key(row.kwargs, keyword)
    return bool(row.key != before)
