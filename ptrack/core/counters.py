"""Counting what goes on, for whoever watches it: a hook that nobody has to use."""

import logging
from collections.abc import Callable
from typing import Literal, ParamSpec

logger = logging.getLogger("ptrack")

Reason = Literal["gpc", "head", "method", "token"]
"""Why a request under the prefix was no hit: its sender objects to tracking, or its
method was ``HEAD``, or another than ``GET``, or what it carried is no token. Why that
is none is nobody's to know."""

_Details = ParamSpec("_Details")


class Counters:
    """Base class of what counts: subclass it, and override what is to be counted.

    ``ptrack.tracker.counters = MyCounters()`` puts it to use. Its methods are called
    within the request, from any thread or from an event loop, so they should be quick.
    What they raise is logged, and changes nothing else.
    """

    def hit(self) -> None:
        """Count a request that carried a token; its callbacks are run next."""

    def click(self) -> None:
        """Count a request that carried a link's token; its callbacks are run next."""

    def ignored(self, reason: Reason) -> None:
        """Count a request under the prefix that was no hit.

        Args:
            reason: ``"gpc"``, ``"head"``, ``"method"`` or ``"token"``.
        """

    def enqueued(self, callback: str) -> None:
        """Count a hit that the background engine took.

        Args:
            callback: The module and name of the class that it is for.
        """

    def refused(self, callback: str) -> None:
        """Count a hit that the background engine didn't take, and that ran at once.

        Args:
            callback: The module and name of the class that it is for.
        """

    def failed(self, callback: str) -> None:
        """Count a callback that raised.

        Args:
            callback: The module and name of its class.
        """


def count(
    method: Callable[_Details, None],
    *details: _Details.args,
    **more: _Details.kwargs,
) -> None:
    """Call a method of `Counters`; what it raises costs a log record."""
    try:
        method(*details, **more)
    except Exception as error:
        logger.error("Counting failed", exc_info=error)
