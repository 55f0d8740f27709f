"""Counters of hits for monitoring: an optional hook."""

from collections.abc import Callable
from typing import Literal, ParamSpec

from .logs import is_way_out, log_failure

Reason = Literal["gpc", "method", "token", "unrecorded"]
"""Why a request under the prefix wasn't a hit.

``"gpc"``: its sender objects to tracking. ``"method"``: its method isn't answered.
``"unrecorded"``: its method is answered but records nothing, as ``HEAD``. ``"token"``:
its token can't be read, for any reason.
"""

_Details = ParamSpec("_Details")


class Counters:
    """Base class of counters: subclass it and override the methods that you need.

    ``ptrack.tracker.counters = MyCounters()`` puts it to use. Its methods are called
    within the request, from any thread or from an event loop, so they should be quick.
    Exceptions in them are logged and change nothing else.
    """

    def hit(self, name: str) -> None:
        """Count a hit; its callbacks are run next.

        Args:
            name: ``"open"`` for a pixel, ``"click"`` for a link.
        """

    def unheard(self, name: str) -> None:
        """Count a hit for whose kind no callback is registered: nothing keeps it.

        Args:
            name: As for `hit`, which counts it too.
        """

    def ignored(self, reason: Reason) -> None:
        """Count a request under the prefix that wasn't a hit.

        Args:
            reason: ``"gpc"``, ``"method"``, ``"token"`` or ``"unrecorded"``.
        """

    def enqueued(self, callback: str) -> None:
        """Count a hit that the background engine took.

        Args:
            callback: The module and name of the callback's class.
        """

    def refused(self, callback: str) -> None:
        """Count a hit that the background engine didn't take, and that runs at once.

        Args:
            callback: The module and name of the callback's class.
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
    """Call a method of `Counters`; an exception in it costs a log record."""
    try:
        method(*details, **more)
    except BaseException as error:
        if is_way_out(error):
            raise
        log_failure(error, "Counting failed")
