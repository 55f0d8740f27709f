"""Callbacks for the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ptrack
from ptrack.core.callbacks import Tracker
from ptrack.core.concurrency import ended


async def arecord(tracker: Tracker, *hit: Any) -> None:
    """Run the callbacks of pixels as an adapter under an event loop does."""
    recording = tracker.begin(*hit)
    if recording is not None:
        await ended(recording)


async def arecord_click(tracker: Tracker, *hit: Any) -> None:
    """Run the callbacks of links likewise."""
    recording = tracker.begin_click(*hit)
    if recording is not None:
        await ended(recording)


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


class Clicks:
    """Keeps the targets and the arguments of clicks."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.hits: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
        self.requests.append(request)
        self.hits.append((url, args, kwargs))

    def forget(self) -> None:
        """Start anew."""
        self.requests.clear()
        self.hits.clear()


@contextmanager
def clicked(tracker: Tracker) -> Iterator[Clicks]:
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
def emptied(tracker: Tracker) -> Iterator[None]:
    """Take all callbacks out, and what the block registers too, when it ends."""
    registry = tracker._registry
    tracker._keep({})
    try:
        yield
    finally:
        tracker._keep(registry)
