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
from copy import copy
from itertools import islice

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .models import Hit

MOST = 500
"""Rows in a transaction: more would make the first of them wait for the last."""

MOST_DEAD = 20
"""Connections that may turn out to be dead, one after the other."""


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
    connection = connections[using]
    if connection.in_atomic_block:
        # What fails is undone alone, and the caller's transaction goes on.
        with transaction.atomic(using):
            _insert([row], using)
    elif _is_the_callers_to_commit(connection):
        _insert([row], using)
    else:
        _writer(model, using).write(row)


class _Entry:
    """A row that waits, and what became of it."""

    __slots__ = ("done", "error", "gone", "row", "thread", "turn")

    def __init__(self, row: Hit) -> None:
        self.row = row
        self.thread = threading.get_ident()
        self.done = False
        self.error: Exception | None = None
        # Nobody waits for it any more.
        self.gone = False
        # Free when the row is done, or when it is up to its thread to write. A bare
        # lock, because an Event wakes a thread several times as slowly.
        self.turn = threading.Lock()
        self.turn.acquire()

    def finish(self, error: Exception | None) -> None:
        self.error = error
        self.done = True
        self.turn.release()


class Writer:
    """Writes the rows of one table, those that come at the same time together.

    A signal, or a time limit, may end a thread's writing anywhere. So each one sets the
    queue right when it leaves, and if it didn't come to that, when it writes again.

    Args:
        using: The alias of the database.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        # A signal may skip the end of "with": in Python 3.13 where a loop stands in it,
        # so none does (https://github.com/python/cpython/issues/130279), and in 3.14 at
        # its beginning (https://github.com/python/cpython/issues/148874). So the thread
        # that a signal hit, mostly the only one that writes there, isn't locked out.
        self._guard = threading.RLock()
        # Both are under the guard. Who leads writes, and is the first of the queue.
        self._queue: deque[_Entry] = deque()
        self._leader: _Entry | None = None

    def write(self, row: Hit) -> None:
        """Write a row, and return when it is committed: see `write`."""
        entry = _Entry(row)
        try:
            self._join(entry)
            entry.turn.acquire()
            if not entry.done:
                self._write(self._batch())
        finally:
            self._leave(entry)
        if entry.error is not None:
            # Several threads may have the same: each raises one of its own.
            raise copy(entry.error) from entry.error

    def _join(self, entry: _Entry) -> None:
        with self._guard:
            leader = self._leader
            if leader is not None and leader.thread != entry.thread:
                self._queue.append(entry)
                return
            if leader is not None:
                # It was ended, and couldn't leave.
                leader.gone = True
            self._queue.appendleft(entry)
            self._lead(entry)

    def _lead(self, entry: _Entry) -> None:
        self._leader = entry
        entry.turn.release()

    def _batch(self) -> list[_Entry]:
        with self._guard:
            first = list(islice(self._queue, MOST))
        # Some may be done, if who wrote them was ended before it could leave.
        return [each for each in first if not (each.done or each.gone)]

    def _leave(self, entry: _Entry) -> None:
        with self._guard:
            entry.gone = True
            if self._leader is entry:
                self._leader = None
                self._go_on()

    def _go_on(self) -> None:
        while self._queue and (self._queue[0].done or self._queue[0].gone):
            self._queue.popleft()
        if self._queue:
            self._lead(self._queue[0])

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
    restarted, or a firewall that forgot one, shows at the next write. In a pool all may
    be dead.
    """
    connection = connections[using]
    for _ in range(MOST_DEAD):
        # What can't be connected to is no dead connection.
        connection.ensure_connection()
        used = connection.connection
        try:
            _insert(rows, using)
        except (InterfaceError, OperationalError):
            # Django may have seen it, too, and have replaced it.
            if connection.connection is used:
                if connection.is_usable():
                    raise
                connection.close()
        else:
            return
    _insert(rows, using)


def _insert(rows: Sequence[Hit], using: str) -> None:
    manager = type(rows[0])._default_manager.using(using)
    manager.bulk_create(rows, ignore_conflicts=True)


def _is_the_callers_to_commit(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether others would return before their rows are committed."""
    if connection.connection is None:
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


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
