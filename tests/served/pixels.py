"""Callbacks of the served apps: each hit becomes a line of a file."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import ptrack


def write(kind: str, request: Any, args: tuple[Any, ...]) -> None:
    line = json.dumps([kind, request.META.get("HTTP_USER_AGENT"), *args])
    with Path(os.environ["HITS"]).open("a") as file:
        file.write(line + "\n")


@ptrack.tracker.register
class Sync(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        write("sync", request, args)


@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        if "fail" in args:
            raise LookupError("on purpose")


@ptrack.tracker.register
class Async(ptrack.TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        write("async", request, args)
