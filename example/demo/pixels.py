"""The callbacks for opens and clicks: ptrack finds this module by its name.

`ptrack.stats` keeps a row for each hit. The report finds out the agent from the user
agent in that row (`hits.find_agent`). A prefetch is known from another header, so these
callbacks add it to the row.
"""

from typing import Any

from django.http import HttpRequest

import ptrack
from ptrack import agents
from ptrack.stats.recording import RecordClick, RecordOpen


@ptrack.tracker.register
class KeepOpen(RecordOpen):
    """Keeps each open as a row."""

    def get_fields(
        self, request: HttpRequest, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        more = {**kwargs, **_note_prefetch(request)}
        return super().get_fields(request, *args, **more)


@ptrack.tracker.register
class KeepClick(RecordClick):
    """Keeps each click as a row."""

    def get_fields(
        self, request: HttpRequest, url: str, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        more = {**kwargs, **_note_prefetch(request)}
        return super().get_fields(request, url, *args, **more)


def _note_prefetch(request: HttpRequest) -> dict[str, bool]:
    """Return a keyword for the row if a browser has loaded this before it is needed."""
    is_prefetch = agents.identify(request).kind == "prefetch"
    return {"prefetch": True} if is_prefetch else {}
