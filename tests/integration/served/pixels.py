"""Callbacks of the served apps: each hit becomes a line of a file."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import ptrack

SLOW = 0.2
"""Seconds that a slow callback takes."""


def write(kind: str, request: Any, args: tuple[Any, ...]) -> None:
    line = json.dumps([kind, request.META.get("HTTP_USER_AGENT"), *args])
    with Path(os.environ["HITS"]).open("a") as file:
        file.write(line + "\n")


@ptrack.tracker.register
class Sync(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if "slow" in args:
            write("begun", request, args)
            time.sleep(SLOW)
        write("sync", request, args)


@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if "fail" in args:
            raise LookupError("on purpose")


@ptrack.tracker.register
class Async(ptrack.TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(SLOW if "slow" in args else 0)
        write("async", request, args)
