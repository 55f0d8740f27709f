"""A Celery app whose jobs fail once, and are interrupted a moment after that.

The interruption is the one of a soft time limit: a signal whose handler raises
`SoftTimeLimitExceeded`, wherever the process is. Celery's own limit has whole seconds,
of which the way of a retry takes a few thousandths.
"""

import os
import random
import signal
from pathlib import Path
from typing import Any

from celery import Celery, current_task
from celery.exceptions import SoftTimeLimitExceeded

import ptrack

PLACE = Path(os.environ["PLACE"])
LONGEST = 0.02
"""Seconds after the failure, at most; Celery is done with the job then."""

app = Celery(
    "interrupted", broker=os.environ["BROKER"], include=["ptrack.background.celery"]
)
armed: list[str] = []


def note(name: str, line: object) -> None:
    with (PLACE / name).open("a") as file:
        file.write(f"{line}\n")


def interrupt(*_: object) -> None:
    # As with Celery's own, no other job than the one that took too long.
    if current_task and armed == [current_task.request.id]:
        armed.clear()
        note("interrupted", "once")
        raise SoftTimeLimitExceeded


@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        tried = PLACE / f"tried-{args[0]}"
        if tried.exists():
            note("recorded", args[0])
            return
        tried.touch()
        armed[:] = [current_task.request.id]
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, LONGEST))
        raise LookupError
