"""Callbacks that mean to end something, and a log that fails, for real servers."""

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.asgi import mirror as asgi_mirror
from ptrack.wsgi import PtrackWSGIMiddleware
from ptrack.wsgi import mirror as wsgi_mirror

from .ways import WAYS


def write(kind: str, way: str) -> None:
    line = json.dumps({"kind": kind, "way": way, "process": os.getpid()})
    with Path(os.environ["HITS"]).open("a") as file:
        file.write(line + "\n")


@ptrack.tracker.register
class Exiting(ptrack.TrackingPixel):
    def record(self, request: Any, kind: str, way: str) -> None:
        if kind == "sync":
            WAYS[way]()


@ptrack.tracker.register
class ExitingAsync(ptrack.TrackingPixel):
    async def record(self, request: Any, kind: str, way: str) -> None:
        if kind == "async":
            WAYS[way]()
        if kind == "async later":
            await asyncio.sleep(0)
            WAYS[way]()


@ptrack.tracker.register
class Waiting(ptrack.TrackingPixel):
    def record(self, request: Any, kind: str, way: str) -> None:
        if kind == "wait":
            write("begun", way)
            time.sleep(float(way))


@ptrack.tracker.register
class Last(ptrack.TrackingPixel):
    def record(self, request: Any, kind: str, way: str) -> None:
        write(kind, way)


@ptrack.tracker.register
class LastAsync(ptrack.TrackingPixel):
    async def record(self, request: Any, kind: str, way: str) -> None:
        write(f"{kind} again", way)


class Broken(logging.Handler):
    """A handler that raises instead of writing."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ValueError("I/O operation on closed file")


logging.getLogger("ptrack").addHandler(Broken())
logging.getLogger("ptrack").propagate = False


def make_asgi() -> PtrackASGIMiddleware:
    return asgi_mirror(pixels=())


def make_wsgi() -> PtrackWSGIMiddleware:
    return wsgi_mirror(pixels=())
