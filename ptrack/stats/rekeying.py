"""Filling the keys anew, after ``PTRACK_OPENS_KEY`` has changed."""

from collections.abc import Iterator
from typing import Any

from django.db import router

from ptrack import conf

from .keys import key_of
from .models import Hit

BATCH = 2000
"""Rows that are read, and written where they change, at a time."""


def rekey(model: type[Hit], batch: int = BATCH) -> int:
    """Give each row the key that it would be given now.

    Rows that are recorded meanwhile have it already, and it may be run again.

    Args:
        model: `Open` or `Click`.
        batch: Rows in a transaction.

    Returns:
        How many rows have changed.
    """
    keyword = conf.opens().key
    manager = model._default_manager.using(router.db_for_write(model))
    changes = 0
    for rows in _batches(manager, batch):
        changed = [row for row in rows if _is_changed(row, keyword)]
        manager.bulk_update(changed, ["key"])
        changes += len(changed)
    return changes


def _batches(manager: Any, batch: int) -> Iterator[list[Hit]]:
    rows = manager.only("key", "kwargs").order_by("id")
    found = list(rows[:batch])
    while found:
        yield found
        found = list(rows.filter(id__gt=found[-1].id)[:batch])


def _is_changed(row: Hit, keyword: str | None) -> bool:
    before, row.key = row.key, key_of(row.kwargs, keyword)
    return bool(row.key != before)
