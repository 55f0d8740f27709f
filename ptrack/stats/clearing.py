"""The deletion of old rows, in batches: other transactions mustn't wait long."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import router
from django.db.models import QuerySet

from .models import Row

BATCH = 5000
"""Rows in a transaction."""


def find_old(model: type[Row], before: datetime) -> QuerySet[Any]:
    """Return the rows from before a time, in the database that is written to."""
    using = router.db_for_write(model)
    rows: QuerySet[Any] = model._default_manager.using(using).filter(at__lt=before)
    return rows


def clear(model: type[Row], before: datetime, batch: int = BATCH) -> int:
    """Delete the rows from before a time.

    Args:
        model: `Open` or `Click`.
        before: The time; hits at that very time are kept.
        batch: Rows in a transaction.

    Returns:
        The number of deleted rows.
    """
    rows = find_old(model, before)
    deleted = 0
    for ids in _find_ranges(rows, batch):
        deleted += rows.filter(id__range=ids).delete()[1].get(model._meta.label, 0)
    return deleted


def _find_ranges(rows: QuerySet[Any], batch: int) -> Iterator[tuple[Any, Any]]:
    """Yield the first and the last id of each batch.

    Ids go up with time, so the rows of a batch lie together. The search for the next
    one begins behind the last: deleted rows stay in the index for a while.
    """
    ids = rows.order_by("id").values_list("id", flat=True)
    found = list(ids[:batch])
    while found:
        yield found[0], found[-1]
        found = list(ids.filter(id__gt=found[-1])[:batch])
