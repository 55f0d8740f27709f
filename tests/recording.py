"""Callbacks for the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ptrack
from ptrack.trackers import Tracker


class Recorder:
    """Keeps the requests and the arguments of hits."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.hits: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        self.requests.append(request)
        self.hits.append((args, kwargs))

    def forget(self) -> None:
        """Start anew."""
        self.requests.clear()
        self.hits.clear()


@contextmanager
def registered(tracker: Tracker) -> Iterator[Recorder]:
    """Register a callback for as long as the block runs."""
    recorder = Recorder()

    class Recording(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            recorder(request, *args, **kwargs)

    tracker.register(Recording)
    try:
        yield recorder
    finally:
        tracker.unregister(Recording)
