"""What the commands of this package have in common."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


@contextmanager
def ends_what_it_started() -> Iterator[None]:
    """Let SIGTERM be Ctrl+C in the block, so that every block within ends its servers.

    An event loop takes Ctrl+C between two steps; raised within one, some task may wait
    for good. What a script starts in the background has Ctrl+C ignored, and could be
    ended by neither: "Signals and Error Handling" in
    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html.
    """
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, _interrupt),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def say(what: str) -> None:
    """Print what goes on, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)


def today() -> str:
    """Give the date, in UTC and as ISO 8601 has it."""
    return datetime.now(UTC).date().isoformat()
