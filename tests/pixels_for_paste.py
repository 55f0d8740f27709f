"""The pixels that the PasteDeploy test names."""

from typing import Any

import ptrack

SEEN: list[Any] = []


@ptrack.tracker.register
class Seen(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        SEEN.extend(args)
