"""Callbacks for the tests."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import ptrack
from ptrack.core.callbacks import Tracker


class Recorder:
    """Keeps the requests and the arguments of opens."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.hits: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        self.requests.append(request)
        self.hits.append((args, kwargs))

    def forget(self) -> None:
        """Drop all that was kept."""
        self.requests.clear()
        self.hits.clear()


@contextmanager
def register_recorder(tracker: Tracker) -> Iterator[Recorder]:
    """Register a callback for pixels for as long as the block runs."""
    recorder = Recorder()

    class Recording(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            recorder(request, *args, **kwargs)

    tracker.register(Recording)
    try:
        yield recorder
    finally:
        tracker.unregister(Recording)


class Clicks:
    """Keeps the targets and the arguments of clicks."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.hits: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
        self.requests.append(request)
        self.hits.append((url, args, kwargs))

    def forget(self) -> None:
        """Drop all that was kept."""
        self.requests.clear()
        self.hits.clear()


@contextmanager
def register_clicks(tracker: Tracker) -> Iterator[Clicks]:
    """Register a callback for links for as long as the block runs."""
    clicks = Clicks()

    class Recording(ptrack.TrackingLink):
        def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
            clicks(request, url, *args, **kwargs)

    tracker.register(Recording)
    try:
        yield clicks
    finally:
        tracker.unregister(Recording)


@contextmanager
def empty_tracker(tracker: Tracker) -> Iterator[None]:
    """Unregister all callbacks for as long as the block runs.

    At its end, those that it has registered are unregistered too.
    """
    before = tracker.callbacks
    _replace(tracker, ())
    try:
        yield
    finally:
        _replace(tracker, before)


def _replace(tracker: Tracker, callbacks: Iterable[Any]) -> None:
    for each in tracker.callbacks:
        tracker.unregister(each)
    for each in callbacks:
        tracker.register(each)
