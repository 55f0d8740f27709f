"""Rows written in bulk, without a wait for a bulk to come together.

Threads that record at the same time share a transaction. A thread that has a row while
no other thread writes becomes the leader: it writes, at once, all rows in the queue.
The other threads wait for it, so each returns when its row is committed. A thread that
is alone writes its row alone.

A row that is in the table already is left as it is: a hit may be delivered twice.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from copy import copy
from itertools import islice

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .models import Row

MAX_ROWS = 500
"""Rows in a transaction: with more, the first would wait long for the last."""

MAX_DEAD = 20
"""Dead connections that are replaced, one after the other, to write a row."""


def write(row: Row) -> None:
    """Write a row, and return when it is committed.

    If the caller has begun a transaction, the row is part of it.

    Args:
        row: The row, with its primary key. If the table has that already, nothing is
            written.

    Raises:
        django.db.Error: It can't be written. Before that, a dead connection was
            replaced, and the row tried once more.
    """
    model = type(row)
    using = router.db_for_write(model, instance=row)
    connection = connections[using]
    if connection.in_atomic_block:
        # A failure undoes this row alone, and the caller's transaction goes on.
        with transaction.atomic(using):
            insert([row], using)
    elif _is_committed_by_caller(connection):
        insert([row], using)
    else:
        find_writer(model, using).write(row)


class Entry:
    """A row in the queue of a writer.

    Attributes:
        row: The row.
        thread: The thread that waits for it.
        done: The row is written, or can't be.
        error: The reason that it can't be written.
        gone: The thread no longer waits.
        turn: A lock that is free when the row is done, or when the thread has to lead.
    """

    __slots__ = ("done", "error", "gone", "row", "thread", "turn")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.thread = threading.get_ident()
        self.done = False
        self.error: Exception | None = None
        self.gone = False
        # No Event: that takes several times as long to wake a thread.
        self.turn = threading.Lock()
        self.turn.acquire()

    def finish(self, error: Exception | None) -> None:
        """Wake the thread: the row is written, or can't be."""
        self.error = error
        self.done = True
        self.turn.release()


class Writer:
    """Writes the rows of one table, those of several threads in one transaction.

    A signal, or a time limit, may end the work of a thread anywhere. So each thread
    puts the queue right when it leaves; if it couldn't, when it writes again.

    Args:
        using: The alias of the database.

    Attributes:
        guard: Held while a thread reads or changes the other two.
        queue: The entries in order.
        leader: The first of them, whose thread writes; ``None`` if no thread does.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        # A signal may skip the end of "with": in Python 3.13 if there is a loop in it,
        # so there is none (https://github.com/python/cpython/issues/130279), and in
        # 3.14 at its beginning (https://github.com/python/cpython/issues/148874). With
        # an RLock, the thread that got the signal isn't locked out, and it is mostly
        # the only one that writes there.
        self.guard = threading.RLock()
        self.queue: deque[Entry] = deque()
        self.leader: Entry | None = None

    def write(self, row: Row) -> None:
        """Write a row, and return when it is committed: see `write`."""
        entry = Entry(row)
        try:
            self.join(entry)
            entry.turn.acquire()
            if not entry.done:
                self.write_all(self.take_batch())
        finally:
            self.leave(entry)
        if entry.error is not None:
            # Several threads may have the same one: each raises a copy of its own.
            raise copy(entry.error) from entry.error

    def join(self, entry: Entry) -> None:
        """Put an entry into the queue, in front if it has to lead."""
        with self.guard:
            leader = self.leader
            if leader is not None and leader.thread != entry.thread:
                self.queue.append(entry)
                return
            if leader is not None:
                # An earlier row of this thread, whose writing was ended too early.
                leader.gone = True
            self.queue.appendleft(entry)
            self._lead(entry)

    def _lead(self, entry: Entry) -> None:
        self.leader = entry
        entry.turn.release()

    def take_batch(self) -> list[Entry]:
        """Return the first entries that have a row to write."""
        with self.guard:
            first = list(islice(self.queue, MAX_ROWS))
        # Some may be done, if a leader was ended before it could leave.
        return [each for each in first if not (each.done or each.gone)]

    def leave(self, entry: Entry) -> None:
        """Stop waiting for an entry; if it led, let the next one lead."""
        with self.guard:
            entry.gone = True
            if self.leader is entry:
                self.leader = None
                self._go_on()

    def _go_on(self) -> None:
        while self.queue and (self.queue[0].done or self.queue[0].gone):
            self.queue.popleft()
        if self.queue:
            self._lead(self.queue[0])

    def write_all(self, entries: Sequence[Entry]) -> None:
        """Write the rows of entries together, or one by one if one row can't be."""
        error = self.try_to_write(entries)
        if error is None or len(entries) == 1 or not _is_about_row(error):
            for entry in entries:
                entry.finish(error)
            return
        for entry in entries:
            entry.finish(self.try_to_write([entry]))

    def try_to_write(self, entries: Sequence[Entry]) -> Exception | None:
        """Write the rows of entries together; return the error, if any."""
        rows = [entry.row for entry in entries]
        try:
            insert_or_reconnect(rows, self._using)
        except Exception as error:
            return error
        return None


def insert_or_reconnect(rows: Sequence[Row], using: str) -> None:
    """Write rows, over a new connection if the present one is dead.

    Outside Django's requests nothing looks after connections: only the next write finds
    out that a server was restarted, or that a firewall forgot a connection. In a pool
    all of them may be dead.
    """
    connection = connections[using]
    for _ in range(MAX_DEAD):
        # Without a connection, an error doesn't mean that one is dead.
        connection.ensure_connection()
        used = connection.connection
        try:
            insert(rows, using)
        except (InterfaceError, OperationalError):
            # Django may have found it dead too, and replaced it.
            if connection.connection is used:
                if connection.is_usable():
                    raise
                connection.close()
        else:
            return
    insert(rows, using)


def insert(rows: Sequence[Row], using: str) -> None:
    """Write rows, over the present connection."""
    manager = type(rows[0])._default_manager.using(using)
    manager.bulk_create(rows, ignore_conflicts=True)


def _is_committed_by_caller(connection: BaseDatabaseWrapper) -> bool:
    """Return whether only the caller commits the row."""
    if connection.connection is None:
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


def _is_about_row(error: Exception) -> bool:
    """Return whether one row may be the cause, so that the others can be written.

    If the database is the cause, each row would wait again for a lock or a full disk.
    Drivers call PostgreSQL's class 54, "program limit exceeded", operational too, and
    there a row is the cause (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return True
    return str(getattr(error.__cause__, "sqlstate", "")).startswith("54")


writers: dict[tuple[type[Row], str], Writer] = {}


def find_writer(model: type[Row], using: str) -> Writer:
    """Return the writer of a table in this process."""
    found = writers.get((model, using))
    return found or writers.setdefault((model, using), Writer(using))


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    # The threads aren't in the child, so a leader would never end there.
    os.register_at_fork(after_in_child=writers.clear)
