"""A URLconf whose import registers a callback, as one with views beside it may do."""

from typing import Any

import ptrack


@ptrack.tracker.register
class Registered(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


urlpatterns: list[Any] = []
