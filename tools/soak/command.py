"""The common part of the commands of this package."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


@contextmanager
def end_on_signal() -> Iterator[None]:
    """Let SIGTERM be Ctrl+C in the block, so that every block within ends its servers.

    An event loop takes Ctrl+C between two steps; raised within one, some task may wait
    for ever. A command that a script starts in the background ignores Ctrl+C, and could
    be ended by neither: "Signals and Error Handling" in
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


def say(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def format_today() -> str:
    """Return the date in UTC, as ISO 8601 has it."""
    return datetime.now(UTC).date().isoformat()
