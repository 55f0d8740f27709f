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
"""Rows of the first step on SQLite; each further one has at most twice as many."""

GOAL = 0.2
"""Seconds that a step should take on SQLite; with less, most of it is the commit."""

PAUSE = 0.2
"""Seconds between two steps, at least: a writer tries twice in it to get the lock.

SQLite tries again after 0.1 seconds at most, and later on a busy machine.
"""

REST = 2
"""The pause, in times of the step: so writers have the most of a slow disk, too."""


class Pace:
    """The size of the steps of a long work: on SQLite by the time that they take.

    Other databases lock single rows, so there all steps have the most rows.

    Args:
        model: `Open` or `Click`.
        limit: The most rows of a step.

    Attributes:
        using: The alias of the database.
        rows: The rows that the next step should have.
    """

    def __init__(self, model: type[Row], limit: int) -> None:
        self.using = router.db_for_write(model)
        self._limit = limit
        self._table = model._default_manager.using(self.using)
        self._is_shared = connections[self.using].vendor != "sqlite"
        self.rows = limit if self._is_shared else min(FIRST, limit)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run a block as a transaction, and pause after it."""
        with transaction.atomic(self.using):
            self._wait_for_lock()
            start = time.monotonic()
            yield
        if not self._is_shared:
            self._rest(time.monotonic() - start)

    def _wait_for_lock(self) -> None:
        """Write no row, by which SQLite locks all: the wait for that is no work."""
        self._table.filter(pk=uuid.UUID(int=0)).update(key=F("key"))

    def _rest(self, seconds: float) -> None:
        fitting = int(self.rows * GOAL / max(seconds, 0.001))
        self.rows = max(1, min(fitting, self.rows * 2, self._limit))
        time.sleep(max(PAUSE, REST * seconds))
