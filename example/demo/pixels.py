"""What happens at an open and at a click: ptrack finds this module by its name.

`ptrack.opens` keeps a row of each. Who it was is found out when it is looked at, from
the user agent in that row (`hits`); only what isn't in there is added here.
"""

from typing import Any

from django.http import HttpRequest

import ptrack
from ptrack import agents
from ptrack.opens.recording import RecordClick, RecordOpen


@ptrack.tracker.register
class KeepOpen(RecordOpen):
    """Keeps every open as a row."""

    def fields(
        self, request: HttpRequest, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        more = {**kwargs, **_prefetch(request)}
        return super().fields(request, *args, **more)


@ptrack.tracker.register
class KeepClick(RecordClick):
    """Keeps every click as a row."""

    def fields(
        self, request: HttpRequest, url: str, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        more = {**kwargs, **_prefetch(request)}
        return super().fields(request, url, *args, **more)


def _prefetch(request: HttpRequest) -> dict[str, bool]:
    """Keep what a browser says in a header of its own: that nobody looks at it yet."""
    prefetched = agents.identify(request).kind == "prefetch"
    return {"prefetch": True} if prefetched else {}
