"""Deleting what is old, a batch at a time: nobody waits long for a big table."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import router
from django.db.models import QuerySet

from .models import Hit

BATCH = 5000
"""Rows in a transaction."""


def expired(model: type[Hit], before: datetime) -> QuerySet[Any]:
    """Give the rows of before a time, in the database that they are deleted from."""
    using = router.db_for_write(model)
    rows: QuerySet[Any] = model._default_manager.using(using).filter(at__lt=before)
    return rows


def clear(model: type[Hit], before: datetime, batch: int = BATCH) -> int:
    """Delete the rows of before a time.

    Args:
        model: `Open` or `Click`.
        before: Hits at that time are kept.
        batch: Rows in a transaction.

    Returns:
        How many were deleted.
    """
    rows = expired(model, before)
    deleted = 0
    for ids in _ranges(rows, batch):
        deleted += rows.filter(id__range=ids).delete()[1].get(model._meta.label, 0)
    return deleted


def _ranges(rows: QuerySet[Any], batch: int) -> Iterator[tuple[Any, Any]]:
    """Give the first and the last key of each batch.

    Keys go up with time, so a batch is a piece of the table as it lies. The next one is
    looked for after the last: what was deleted stays in the index for a while.
    """
    ids = rows.order_by("id").values_list("id", flat=True)
    found = list(ids[:batch])
    while found:
        yield found[0], found[-1]
        found = list(ids.filter(id__gt=found[-1])[:batch])
