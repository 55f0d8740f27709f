"""New keys for all rows, after ``PTRACK_STATS_KEY`` has changed."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import CharField, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, Replace

from ptrack import conf

from .keys import find_key
from .models import Row
from .pace import Pace

BATCH = 5000
"""Rows that are read at a time, and the most in a transaction."""

Keys = dict[uuid.UUID, str | None]


def rekey(
    model: type[Row],
    batch: int = BATCH,
    report: Callable[[int, int], None] | None = None,
) -> int:
    """Set the key of each row to the one that it would get now.

    Rows that are recorded meanwhile have the new key already. It may be stopped and run
    again, and run twice at the same time: rows that have the new key are only read.

    Args:
        model: `Open` or `Click`.
        batch: Rows that are read at a time, and the most in a transaction.
        report: What to call after each batch, with the numbers of rows until then: of
            those that were read, and of those that have changed.

    Returns:
        The number of rows that have changed.
    """
    pace = Pace(model, batch)
    rows = model._default_manager.using(pace.using).all()
    keyword = conf.get("PTRACK_STATS_KEY")
    read = changed = 0
    for found in _read_batches(rows, batch):
        keys = {row_id: find_key(kwargs, keyword) for row_id, kwargs, _ in found}
        wrong = [row_id for row_id, _, key in found if key != keys[row_id]]
        while wrong:
            part, wrong = wrong[: pace.rows], wrong[pace.rows :]
            with pace.step():
                changed += _write(rows, {row_id: keys[row_id] for row_id in part})
        read += len(found)
        if report is not None:
            report(read, changed)
    return changed


def _read_batches(rows: QuerySet[Any], batch: int) -> Iterator[list[Any]]:
    """Yield the ids, keyword arguments and keys of all rows."""
    values = rows.order_by("id").values_list("id", "kwargs", "key")
    found = list(values[:batch])
    while found:
        yield found
        found = list(values.filter(id__gt=found[-1][0])[:batch])


def _write(rows: QuerySet[Any], keys: Keys) -> int:
    """Write keys of rows; return the number of the rows."""
    texts = {row_id: key for row_id, key in keys.items() if key is not None}
    missing = {row_id: "" for row_id, key in keys.items() if key is None}
    written = _select(rows, texts).update(key=F("text")) if texts else 0
    return written + (_select(rows, missing).update(key=None) if missing else 0)


def _select(rows: QuerySet[Any], texts: dict[uuid.UUID, str]) -> QuerySet[Any]:
    """Return the rows that have a text here, with that as ``text``.

    The texts are one parameter. With a ``CASE`` of a branch for each, the time would
    grow with the square of their number. A list of the ids would take a third longer.
    """
    near = rows.filter(id__range=(min(texts), max(texts)))
    names = Replace(Cast("id", TextField()), Value("-"), Value(""))
    named = {row_id.hex: text for row_id, text in texts.items()}
    picked = near.annotate(text=PickText(Value(json.dumps(named)), names))
    # A row between them may have been recorded meanwhile.
    return picked.filter(text__isnull=False)


class PickText(Func):
    """The text that an object in JSON has for a name."""

    template = "(%(expressions)s)"
    arg_joiner = "::jsonb ->> "
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the SQL for SQLite, whose ``->>`` is newer than Django asks for."""
        template = """JSON_EXTRACT(%(expressions)s || '"')"""
        joiner = """, '$."' || """
        return self.as_sql(
            compiler, connection, template=template, arg_joiner=joiner, **context
        )
