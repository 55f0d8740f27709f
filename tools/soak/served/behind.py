"""A callback that runs in the background: its records are counted afterwards.

The keywords of a token steer it: ``id`` is recorded, with the hit's own id and the name
of the process; ``before`` and ``after`` are seconds to wait around that, and ``once``
before the first attempt.
"""

import atexit
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import ptrack
from tools.soak.places import BEHIND, LOG, LOG_FORMAT, PATIENT, PLACE, WHO

_place = Path(os.environ[PLACE])
_local = threading.local()


def _connect() -> sqlite3.Connection:
    """Return the connection of this thread of this process."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.pid = os.getpid()
        _local.connection = sqlite3.connect(
            _place / BEHIND,
            timeout=float(os.environ.get(PATIENT, "10")),
            isolation_level=None,
            check_same_thread=False,
        )
        _local.connection.execute("PRAGMA synchronous=NORMAL")
        atexit.register(_local.connection.close)
    found: sqlite3.Connection = _local.connection
    return found


@ptrack.tracker.register
class Ledger(ptrack.TrackingPixel):
    """Records every hit, as often as it is called."""

    background = True

    def record(
        self,
        request: Any,
        *,
        id: int,  # noqa: A002
        before: float = 0,
        after: float = 0,
        once: float = 0,
        **_: Any,
    ) -> None:
        """Record a hit: it is committed when this returns."""
        time.sleep(before)
        tried = _place / f"tried-{id}"
        if once and not tried.exists():
            tried.touch()
            time.sleep(once)
        hit = ptrack.hit(request).id.hex
        row = (id, hit, os.environ.get(WHO), time.time())
        _connect().execute("INSERT INTO recorded VALUES (?, ?, ?, ?)", row)
        time.sleep(after)


_handler = logging.FileHandler(_place / LOG)
_handler.setFormatter(logging.Formatter(LOG_FORMAT))
logging.getLogger("ptrack").addHandler(_handler)
