"""The callback as a class, for both versions of ptrack."""

from typing import Any

from recording import record

import ptrack


@ptrack.tracker.register
class Appending(ptrack.TrackingPixel):
    """Appends to the list of hits."""

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Record the hit."""
        record((args, kwargs))
