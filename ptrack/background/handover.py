"""Handing hits over to an engine that has workers, or recording them at once."""

import logging
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from ptrack.core.counters import Counters, count
from ptrack.core.jobs import job_of

logger = logging.getLogger("ptrack")


@runtime_checkable
class Engine(Protocol):
    """What brings jobs to workers; there, `ptrack.background.worker.perform` does them."""

    def enqueue(self, job: str) -> None:
        """Take a job, and return when it can't get lost any more.

        Args:
            job: Text in ASCII.

        Raises:
            Exception: It wasn't taken, as far as that is known.
        """


class Handover:
    """Stands in for the ``record`` of a callback that is to run in the background.

    Args:
        name: The callback's.
        record: What it does.
        engine: Is to take it.
        counters: Count what becomes of it.
    """

    def __init__(
        self,
        name: str,
        record: Callable[..., Any],
        engine: Engine,
        counters: Counters | None,
    ) -> None:
        self._name = name
        self._record = record
        self._engine = engine
        self._counters = counters

    def __call__(self, request: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Give the hit to the engine; if that fails, record it now."""
        try:
            self._engine.enqueue(job_of(self._name, request, args, kwargs))
        except Exception as error:
            self._not_taken(error)
            return self._record(request, *args, **kwargs)
        if self._counters is not None:
            count(self._counters.enqueued, self._name)
        return None

    def _not_taken(self, error: Exception) -> None:
        # Its type alone: the message of a database shows the row, and that the token.
        logger.warning(
            "The background engine didn't take a hit of %s, which runs at once: %s",
            self._name,
            type(error).__name__,
        )
        if self._counters is not None:
            count(self._counters.refused, self._name)
