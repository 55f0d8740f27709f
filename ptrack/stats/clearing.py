"""The deletion of old rows, in steps: other transactions mustn't wait long."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import router
from django.db.models import QuerySet

from .models import Row
from .pace import Pace

BATCH = 5000
"""The most rows in a transaction."""


def find_old(model: type[Row], before: datetime) -> QuerySet[Any]:
    """Return the rows from before a time, in the database that is written to."""
    using = router.db_for_write(model)
    rows: QuerySet[Any] = model._default_manager.using(using).filter(at__lt=before)
    return rows


def clear(model: type[Row], before: datetime, batch: int = BATCH) -> int:
    """Delete the rows from before a time.

    It may be stopped and run again, and run twice at the same time.

    Args:
        model: `Open` or `Click`.
        before: The time; hits at that very time are kept.
        batch: The most rows in a transaction.

    Returns:
        The number of deleted rows.
    """
    rows, pace = find_old(model, before), Pace(model, batch)
    deleted = 0
    for ids in _find_ranges(rows, pace):
        with pace.step():
            near = rows.filter(id__range=ids)
            # In one order, two of these can't wait for each other in a circle.
            list(near.order_by("id").select_for_update().values_list("id"))
            deleted += near.delete()[1].get(model._meta.label, 0)
    return deleted


def _find_ranges(rows: QuerySet[Any], pace: Pace) -> Iterator[tuple[Any, Any]]:
    """Yield the first and the last id of each step.

    Ids go up with time, so the rows of a step lie together. The search for the next
    one begins behind the last: deleted rows stay in the index for a while.
    """
    ids = rows.order_by("id").values_list("id", flat=True)
    found = list(ids[: pace.rows])
    while found:
        yield found[0], found[-1]
        found = list(ids.filter(id__gt=found[-1])[: pace.rows])
