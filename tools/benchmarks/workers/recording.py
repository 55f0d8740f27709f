"""The one callback of every side: it appends to a list.

In process the list is cleared between rounds. Behind a server it is cleared after every
thousand hits, and their number is written down: the proof that each was recorded.
"""

import os
from collections.abc import Callable
from typing import Any

HITS: list[Any] = []
MANY = 1000

_tally = os.environ.get("BENCH_TALLY")
_cleared = 0


def _append_and_tally(hit: Any) -> None:
    HITS.append(hit)
    if len(HITS) == MANY or not _cleared:
        _write_down()


def _write_down() -> None:
    global _cleared
    _cleared += len(HITS)
    HITS.clear()
    # Over the last number, without emptying the file: its reader finds one at any time.
    file = os.open(str(_tally), os.O_WRONLY | os.O_CREAT, 0o600)
    os.pwrite(file, b"%20d" % _cleared, 0)
    os.close(file)


record: Callable[[Any], None] = _append_and_tally if _tally else HITS.append
"""Record a hit."""
