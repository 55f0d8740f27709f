"""Writing rows in bulk, without making anyone wait for a bulk to come together.

Threads that record at the same time share a transaction. Whoever finds nobody writing
writes, at once, for all who have queued meanwhile; the others wait for that, and so
each returns when its row is committed. A thread that is alone writes its row alone.

A row that is there already is left as it is: a hit may be delivered twice.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from copy import copy

from django.db import InterfaceError, OperationalError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from .models import Hit

MOST = 500
"""Rows in a transaction: more would make the first of them wait for the last."""


def write(row: Hit) -> None:
    """Write a row, and return when it is committed.

    In a transaction of the caller's it is written by that, and committed with it.

    Args:
        row: With its primary key. One that is in the table already is left out.

    Raises:
        django.db.Error: It could not be written. A connection that was found dead was
            replaced, and the writing tried once more, before that.
    """
    model = type(row)
    using = router.db_for_write(model, instance=row)
    if _in_transaction(connections[using]):
        _insert([row], using)
    else:
        _writer(model, using).write(row)


class _Entry:
    """A row that waits, and what became of it."""

    __slots__ = ("done", "error", "leads", "row", "turn")

    def __init__(self, row: Hit) -> None:
        self.row = row
        self.done = False
        self.error: Exception | None = None
        self.leads = False
        # Free when the row is done, or when it is up to its thread to write. A bare
        # lock, because an Event wakes a thread several times as slowly.
        self.turn = threading.Lock()
        self.turn.acquire()

    def lead(self) -> None:
        self.leads = True
        self.turn.release()

    def finish(self, error: Exception | None) -> None:
        self.error = error
        self.done = True
        self.turn.release()


class Writer:
    """Writes the rows of one table, those that come at the same time together.

    Args:
        using: The alias of the database.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._guard = threading.Lock()
        # Both are under the guard. While nobody writes, nobody waits.
        self._waiting: deque[_Entry] = deque()
        self._busy = False

    def write(self, row: Hit) -> None:
        """Write a row, and return when it is committed: see `write`."""
        entry = _Entry(row)
        if self._must_wait(entry):
            try:
                entry.turn.acquire()
            except BaseException:
                self._abandon(entry)
                raise
        if not entry.done:
            self._lead()
        if entry.error is not None:
            # Several threads may have the same: each raises one of its own.
            raise copy(entry.error) from entry.error

    def _must_wait(self, entry: _Entry) -> bool:
        with self._guard:
            self._waiting.append(entry)
            busy, self._busy = self._busy, True
        return busy

    def _lead(self) -> None:
        """Write what waits, of which this thread's own row is the first."""
        entries = self._taken()
        try:
            self._write(entries)
        finally:
            # If this thread is being ended, the others go on without it.
            self._hand_on([each for each in entries[1:] if not each.done])

    def _taken(self) -> list[_Entry]:
        with self._guard:
            waiting = self._waiting
            return [waiting.popleft() for _ in range(min(len(waiting), MOST))]

    def _hand_on(self, left: Sequence[_Entry] = ()) -> None:
        with self._guard:
            self._waiting.extendleft(reversed(left))
            self._busy = bool(self._waiting)
            if self._busy:
                self._waiting[0].lead()

    def _abandon(self, entry: _Entry) -> None:
        """Leave the queue: a signal, or a time limit, has ended the waiting."""
        # Whoever writes may have taken it out already.
        with self._guard, suppress(ValueError):
            self._waiting.remove(entry)
        if entry.leads:
            self._hand_on()

    def _write(self, entries: Sequence[_Entry]) -> None:
        error = self._try(entries)
        if error is None or len(entries) == 1 or not _is_of_a_row(error):
            for entry in entries:
                entry.finish(error)
            return
        for entry in entries:
            entry.finish(self._try([entry]))

    def _try(self, entries: Sequence[_Entry]) -> Exception | None:
        rows = [entry.row for entry in entries]
        try:
            _insert_anew(rows, self._using)
        except Exception as error:
            return error
        return None


def _insert_anew(rows: Sequence[Hit], using: str) -> None:
    """Write rows, over a new connection if the one there is turns out to be dead.

    Outside of Django's requests nobody looks after connections: a server that was
    restarted, or a firewall that forgot one, shows at the next write.
    """
    connection = connections[using]
    connected = connection.connection is not None
    try:
        _insert(rows, using)
    except (InterfaceError, OperationalError):
        connection.close_if_unusable_or_obsolete()
        if not connected or connection.connection is not None:
            raise
        _insert(rows, using)


def _insert(rows: Sequence[Hit], using: str) -> None:
    manager = type(rows[0])._default_manager.using(using)
    manager.bulk_create(rows, ignore_conflicts=True)


def _in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether others would return before their rows are committed."""
    if connection.connection is None:
        return not connection.settings_dict["AUTOCOMMIT"]
    return connection.in_atomic_block or not connection.autocommit


def _is_of_a_row(error: Exception) -> bool:
    """Tell whether a row may be to blame, and not the database for all of them.

    One by one, each row would wait as long again for a lock or for a full disk. Of what
    drivers call operational, class 54 of PostgreSQL, "program limit exceeded", is of a
    row (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return True
    return str(getattr(error.__cause__, "sqlstate", "")).startswith("54")


_writers: dict[tuple[type[Hit], str], Writer] = {}


def _writer(model: type[Hit], using: str) -> Writer:
    found = _writers.get((model, using))
    return found or _writers.setdefault((model, using), Writer(using))


# Whatever thread was writing isn't there in the child, and wouldn't end. Windows has no
# fork.
getattr(os, "register_at_fork", dict)(after_in_child=_writers.clear)
