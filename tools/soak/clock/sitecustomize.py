"""Imported at start-up by the servers whose clock is stepped, and by no other.

Under libfaketime it repairs ``time.sleep``: Python 3.11 and later sleep until a time of
the monotonic clock, and version 0.9.10 fails such calls ("Invalid argument") while that
clock isn't faked. Without libfaketime it is Python's own clock that is stepped.
"""

import os
import select
import time
from pathlib import Path

_offset = os.environ.get("SOAK_CLOCK")
_time, _time_ns = time.time, time.time_ns


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


def _read_offset() -> int:
    return int(Path(str(_offset)).read_text())


if _offset is None:
    time.sleep = _sleep  # type: ignore[assignment]
else:
    time.time = lambda: _time() + _read_offset()
    time.time_ns = lambda: _time_ns() + _read_offset() * 10**9
