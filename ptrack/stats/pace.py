"""Long work in short transactions, so that other transactions get their turn.

SQLite lets one transaction write at a time. A hit that waits longer than the timeout,
five seconds by default, is lost
(https://docs.djangoproject.com/en/stable/ref/databases/#database-is-locked-errors).
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, router, transaction
from django.db.models import F

from .models import Row

FIRST = 100
"""Rows of the first step; each further one has at most twice as many."""

GOAL = 0.1
"""Seconds that a step should take."""

PAUSE = 0.12
"""Seconds between two steps, at least: SQLite tries every 0.1 seconds to get a lock."""


class Pace:
    """The size of the steps of a long work, by the time that they take.

    Args:
        model: `Open` or `Click`.
        limit: The most rows of a step.

    Attributes:
        using: The alias of the database.
        rows: The rows that the next step should have.
    """

    def __init__(self, model: type[Row], limit: int) -> None:
        self.using = router.db_for_write(model)
        self.rows = min(FIRST, limit)
        self._limit = limit
        self._rows = model._default_manager.using(self.using)
        # Other databases lock single rows.
        self._pauses = connections[self.using].vendor == "sqlite"

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run a block as a transaction, and pause after it."""
        with transaction.atomic(self.using):
            self._wait_for_lock()
            start = time.monotonic()
            yield
        seconds = time.monotonic() - start
        self._adapt(seconds)
        if self._pauses:
            time.sleep(max(PAUSE, seconds))

    def _wait_for_lock(self) -> None:
        """Write nothing: SQLite locks the table, and the wait doesn't count as work."""
        self._rows.filter(pk=uuid.UUID(int=0)).update(key=F("key"))

    def _adapt(self, seconds: float) -> None:
        fitting = int(self.rows * GOAL / seconds)
        self.rows = max(1, min(fitting, self.rows * 2, self._limit))
