"""Connections to databases that only this app uses, beside those of Django.

Django has a connection for each thread, and closes it at the end of a request. Behind a
WSGI middleware and in a worker nothing does that. So there a row is written over a
connection of this module: a thread takes one, and puts it back when the row is
committed. No other code ever sees it, so it can be closed at any time in between.

There is no lock, which a signal could leave behind: an idle connection belongs to the
thread that has taken it out of its deque, in one step.
"""

import atexit
import os
import threading
import time
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

IDLE = 10.0
"""Seconds after which a connection that no thread has taken is closed."""

_POOL = "pool"
"""The option of Django's pool: see "Connection pool" in Django's page on databases."""

Key = tuple[Any, ...]

_idle: "defaultdict[Key, deque[tuple[float, BaseDatabaseWrapper]]]" = defaultdict(deque)
"""The time of the last use and the connection, the latest last, of each database."""

_in_use: dict[int, BaseDatabaseWrapper] = {}
"""The connection that a thread writes over at present, by the thread's number."""

_inherited: list[BaseDatabaseWrapper] = []
_closer: threading.Thread | None = None


def take(using: str) -> BaseDatabaseWrapper:
    """Return a connection that no other thread uses.

    Args:
        using: The alias of the database.

    Returns:
        The one that was used last, or else a new one, which isn't open yet.
    """
    try:
        _, connection = _idle[_make_key(using, connections.settings[using])].pop()
    except IndexError:
        connection = _make_connection(using)
    return connection


def _make_connection(using: str) -> BaseDatabaseWrapper:
    connection = connections.create_connection(using)
    # Several threads use it, one after the other.
    connection.inc_thread_sharing()
    # Not one of Django's pool: a signal that comes at a bad moment would cost the pool
    # a place for good.
    settings = connection.settings_dict
    options = {
        name: each for name, each in settings["OPTIONS"].items() if name != _POOL
    }
    connection.settings_dict = {**settings, "OPTIONS": options}
    return connection


def start(connection: BaseDatabaseWrapper) -> None:
    """Note that this thread begins to write over a connection, its own or Django's."""
    _in_use[threading.get_ident()] = connection


def end() -> None:
    """Note that this thread has written, or has closed the connection."""
    _in_use.pop(threading.get_ident(), None)


def close_interrupted() -> None:
    """Close the connection over which this thread began to write, and never ended.

    A signal may end the work of a thread anywhere, even while it cleans up, and then
    nothing is known about the connection.
    """
    left = _in_use.get(threading.get_ident())
    if left is not None:
        abandon(left)
        end()


def abandon(connection: BaseDatabaseWrapper) -> None:
    """Close a connection in an unknown state, and let Django make this thread another.

    Django's own method takes a lock, which may be locked for ever: a signal can come
    between a lock's acquisition and the block that releases it
    (https://github.com/python/cpython/issues/148874).
    """
    if connection.in_atomic_block or _POOL in connection.settings_dict["OPTIONS"]:
        # In a block that the caller has begun since then, the next query has to fail.
        close(connection)
    elif connection.connection is not None:
        if connections[connection.alias] is connection:
            del connections[connection.alias]
        with suppress(Exception):
            connection.connection.close()


def close(connection: BaseDatabaseWrapper) -> None:
    """Close a connection, whatever the server says."""
    with suppress(Exception):
        connection.close()


def put_back(connection: BaseDatabaseWrapper) -> None:
    """Keep a connection for the next row.

    Args:
        connection: One that `take` returned, and over which a row was written.
    """
    key = _make_key(connection.alias, connection.settings_dict)
    _idle[key].append((time.monotonic(), connection))
    _start_closer()


def close_idle(seconds: float = 0.0) -> None:
    """Close the connections that no thread has taken for so many seconds."""
    for idle in list(_idle.values()):
        # A thread may take one meanwhile.
        with suppress(IndexError):
            while time.monotonic() - idle[0][0] >= seconds:
                close(idle.popleft()[1])


def _make_key(using: str, settings: dict[str, Any]) -> Key:
    # Tests give the database of an alias another name.
    return (using, *(settings[name] for name in ("NAME", "HOST", "PORT", "USER")))


def _start_closer() -> None:
    global _closer
    if _closer is not None and _closer.is_alive():
        return
    _closer = threading.Thread(target=_close_idle, name="ptrack-stats", daemon=True)
    # There may be too many threads: the next row tries it again.
    with suppress(RuntimeError):
        _closer.start()


def _close_idle() -> None:
    """Close idle connections until there are none."""
    global _closer
    while True:
        time.sleep(IDLE / 10)
        close_idle(IDLE)
        if any(list(_idle.values())):
            continue
        # In this order: a thread that puts one back now finds no closer, or is found.
        _closer = None
        if not any(list(_idle.values())):
            return


def _close_before_drop(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Close idle connections when Django connects to a server and to no database.

    It does so to drop the database of tests, which PostgreSQL refuses as long as
    anything is connected to that.
    """
    if connection.settings_dict["NAME"] is None:
        close_idle()


def _forget() -> None:
    """Leave all connections to the parent process, of which this is a fork."""
    # Not closed and not deleted: either would end the sessions of the parent.
    _inherited.extend(connection for idle in _idle.values() for _, connection in idle)
    _inherited.extend(_in_use.values())
    _idle.clear()
    _in_use.clear()


connection_created.connect(_close_before_drop)
atexit.register(close_idle)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_forget)
