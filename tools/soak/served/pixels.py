"""The callbacks: the traces of a hit are counted afterwards.

The keywords of a token steer them: ``id``, which is recorded, and any of ``fail``,
``also``, ``leak``, ``block`` and ``wait``. The ledger runs last, so the effect of any
other callback on a hit would show there.
"""

import asyncio
import atexit
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import ptrack
from tools.soak.places import JOURNAL, LEDGER, LOG, LOG_FORMAT, PLACE, SECOND

_place = Path(os.environ[PLACE])

PATIENT, HASTY = 10.0, 0.02
"""Seconds to wait for a locked database: long enough, and too short."""


class Store:
    """A database of SQLite that hits are recorded in.

    Each process has one connection, opened by the first hit: no fork inherits it, and a
    hit needs no descriptor of its own.

    Args:
        name: The name of its file.
        timeout: Seconds to wait while it is locked.
    """

    def __init__(self, name: str, timeout: float) -> None:
        self._name, self._timeout = name, timeout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def insert(self, hit: int) -> None:
        """Record a hit: it is committed when this returns."""
        with self._lock:
            self._connect().execute(
                "INSERT INTO hits VALUES (?, ?, ?)", (hit, self._pid, time.time())
            )

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._pid = os.getpid()
            self._connection = sqlite3.connect(
                _place / self._name,
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            # In WAL mode a commit outlives its process. With FULL it would outlive the
            # machine too, but the time of its fsync would be all that is measured.
            self._connection.execute("PRAGMA synchronous=NORMAL")
            atexit.register(self._connection.close)
        return self._connection


_ledger, _second = Store(LEDGER, PATIENT), Store(SECOND, HASTY)


class Failing(ptrack.TrackingPixel):
    """Raises for hits with ``fail``."""

    def record(self, request: Any, *, fail: bool = False, **_: Any) -> None:
        """Raise."""
        if fail:
            raise LookupError("on purpose")


class InDatabase(ptrack.TrackingPixel):
    """Records to a second database, which is locked now and then."""

    def record(self, request: Any, *, id: int, also: bool = False, **_: Any) -> None:  # noqa: A002
        """Record."""
        if also:
            _second.insert(id)


class InFile(ptrack.TrackingPixel):
    """Records to a file, whose disk is full now and then."""

    def record(self, request: Any, *, id: int, also: bool = False, **_: Any) -> None:  # noqa: A002
        """Record."""
        if also:
            with (_place / JOURNAL).open("a") as file:
                file.write(f"{id}\n")


class Leaking(ptrack.TrackingPixel):
    """Leaves a file open for hits with ``leak``: Python has to warn of it."""

    def record(self, request: Any, *, leak: bool = False, **_: Any) -> None:
        """Leak."""
        if leak:
            Path(os.devnull).open()  # noqa: SIM115 - that is the point


class Blocking(ptrack.TrackingPixel):
    """Blocks its thread for as many seconds as ``block`` says."""

    def record(self, request: Any, *, block: float = 0, **_: Any) -> None:
        """Sleep."""
        if block:
            time.sleep(block)


class Slow(ptrack.TrackingPixel):
    """Takes as many seconds as ``wait`` says."""

    def record(self, request: Any, *, wait: float = 0, **_: Any) -> None:
        """Sleep."""
        if wait:
            time.sleep(wait)


class SlowAsync(ptrack.TrackingPixel):
    """Does the same, async."""

    async def record(self, request: Any, *, wait: float = 0, **_: Any) -> None:
        """Sleep."""
        if wait:
            await asyncio.sleep(wait)


class Ledger(ptrack.TrackingPixel):
    """Records every hit."""

    def record(self, request: Any, *, id: int, **_: Any) -> None:  # noqa: A002
        """Record."""
        _ledger.insert(id)


def register(slow: type[ptrack.TrackingPixel]) -> None:
    """Register all callbacks.

    Args:
        slow: The callback that takes its time.
    """
    for pixel in (Failing, InDatabase, InFile, Leaking, Blocking, slow, Ledger):
        ptrack.tracker.register(pixel)


def keep_log() -> None:
    """Keep the log of ptrack in a file, which stays open.

    Django closes the files of all handlers when it sets logging up, and a file that is
    opened anew can't be opened while descriptors are used up.
    """
    handler = logging.FileHandler(_place / LOG)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.getLogger("ptrack").addHandler(handler)
