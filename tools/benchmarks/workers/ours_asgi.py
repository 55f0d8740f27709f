"""The mirror under ASGI, with the callback as a coroutine."""

from typing import Any

from recording import record

import ptrack
from ptrack.asgi import mirror
from ptrack.core.callbacks import Tracker

tracker = Tracker()


@tracker.register
class AsyncAppending(ptrack.TrackingPixel):
    """Appends to the list of hits, in the event loop."""

    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Record the hit."""
        record((args, kwargs))


application = mirror(tracker=tracker, pixels=())
