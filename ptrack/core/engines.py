"""The engines that take hits to workers."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from .counters import Counters, count
from .hits import Hit
from .jobs import write_job
from .logs import is_way_out, log

LONGEST_PAUSE = 60
"""Seconds for which an engine that failed is left alone, at most."""


@runtime_checkable
class Engine(Protocol):
    """Takes jobs to workers, which do them with `ptrack.background.worker.perform`.

    It may have an attribute ``thread_sensitive``: see `is_thread_sensitive`.
    """

    def enqueue(self, job: str) -> None:
        """Enqueue a job; return once it is durable.

        Args:
            job: Text in ASCII.

        Raises:
            Exception: It wasn't enqueued, as far as that is known.
        """


def is_thread_sensitive(engine: Engine) -> bool:
    """Return whether an engine has to be called in the one thread of Django's ORM.

    Under ASGI all sync code of a site waits for that thread, so an engine that needs no
    connection of Django's says ``thread_sensitive = False``. By default one does: in
    another thread it would be outside the transaction of a test.
    """
    return bool(getattr(engine, "thread_sensitive", True))


def choose_delay(failures: int, longest: int) -> int:
    """Return the seconds to wait after a failure: 1, 2, 4 and so on.

    Args:
        failures: The number of failures before it; a negative one counts as none.
        longest: The most seconds.
    """
    return min(longest, 1 << min(max(failures, 0), longest.bit_length()))


class EnginePausedError(Exception):
    """The engine is left alone, as it has failed a moment ago."""


class Pauses:
    """The times for which an engine that failed is left alone.

    They are 1, 2, 4 seconds and so on, up to `LONGEST_PAUSE`. After each one, one hit
    tries the engine again, while the others still leave it alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._end = 0.0

    def enter(self) -> int:
        """Let a hit try the engine; return the number of failures before it.

        Raises:
            EnginePausedError: The hit has to leave it alone.
        """
        if not self._failures:
            return 0
        with self._lock:
            now = time.monotonic()
            if self._failures and now < self._end:
                raise EnginePausedError
            # Not for good: this hit may end without a result, in a fork for example.
            self._end = now + LONGEST_PAUSE
            return self._failures

    def note_failure(self, before: int) -> None:
        """Begin a pause.

        Args:
            before: The result of `enter`. Hits that tried side by side count as one.
        """
        with self._lock:
            if before == self._failures:
                self._failures += 1
                self._end = time.monotonic() + choose_delay(before, LONGEST_PAUSE)

    def note_success(self) -> None:
        """End all pauses."""
        if self._failures:
            with self._lock:
                self._failures = 0


class LazyEngine:
    """An engine that is made at its first use, so never where mails are only sent.

    An engine that fails is left alone for a while: otherwise each hit would wait for a
    broker that doesn't answer.

    Args:
        make: Makes the engine, or raises a `PtrackConfigurationError`.
    """

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._engine: Engine | None = None
        self._pauses = Pauses()

    def load(self) -> Engine:
        """Return the engine.

        Raises:
            PtrackConfigurationError: It isn't installed, or not set up.
        """
        if self._engine is None:
            self._engine = self._make()
        return self._engine

    @property
    def thread_sensitive(self) -> bool:
        """See `is_thread_sensitive`."""
        return self._engine is None or is_thread_sensitive(self._engine)

    def enqueue(self, job: str) -> None:
        """Enqueue a job: see `Engine.enqueue`.

        Raises:
            EnginePausedError: The engine has failed a moment ago.
        """
        before = self._pauses.enter()
        try:
            self.load().enqueue(job)
        except BaseException:
            self._pauses.note_failure(before)
            raise
        self._pauses.note_success()


def hand_over(
    callback: str, hit: Hit, engine: Engine, counters: Counters | None
) -> bool:
    """Hand a hit over to the engine, for one callback.

    Args:
        callback: The callback's name.
        hit: The hit.
        engine: The engine.
        counters: Counts whether the engine took the hit.

    Returns:
        Whether the engine took it. If not, that is logged, and the caller has to run
        the callback.
    """
    try:
        engine.enqueue(write_job(callback, hit))
    except BaseException as error:
        if is_way_out(error):
            raise
        note_refusal(callback, error, counters)
        return False
    if counters is not None:
        count(counters.enqueued, callback)
    return True


def note_refusal(
    callback: str, error: BaseException, counters: Counters | None
) -> None:
    """Log and count a hit that no engine took.

    Args:
        callback: The callback's name.
        error: The reason.
        counters: Count it.
    """
    # Its type alone: the message of a database shows the row, and with it the job.
    log(
        logging.WARNING,
        "The background engine didn't take a hit of %s, which runs at once: %s",
        callback,
        type(error).__name__,
    )
    if counters is not None:
        count(counters.refused, callback)
