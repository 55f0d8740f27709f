"""The engines that take hits to workers."""

import logging
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from .counters import Counters, count
from .hits import Hit
from .jobs import write_job
from .logs import ENDS

logger = logging.getLogger("ptrack")


@runtime_checkable
class Engine(Protocol):
    """Takes jobs to workers, which do them with `ptrack.background.worker.perform`."""

    def enqueue(self, job: str) -> None:
        """Enqueue a job; return once it is durable.

        Args:
            job: Text in ASCII.

        Raises:
            Exception: It wasn't enqueued, as far as that is known.
        """


class LazyEngine:
    """An engine that is made at its first use, so never where mails are only sent.

    Args:
        make: Makes the engine, or raises a `PtrackConfigurationError`.
    """

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._engine: Engine | None = None

    def load(self) -> Engine:
        """Return the engine.

        Raises:
            PtrackConfigurationError: It isn't installed, or not set up.
        """
        if self._engine is None:
            self._engine = self._make()
        return self._engine

    def enqueue(self, job: str) -> None:
        """Enqueue a job: see `Engine.enqueue`."""
        self.load().enqueue(job)


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
    except ENDS:
        raise
    except BaseException as error:
        # Its type alone: the message of a database shows the row, and with it the job.
        logger.warning(
            "The background engine didn't take a hit of %s, which runs at once: %s",
            callback,
            type(error).__name__,
        )
        if counters is not None:
            count(counters.refused, callback)
        return False
    if counters is not None:
        count(counters.enqueued, callback)
    return True
