"""A Celery app whose jobs fail once, and are interrupted while they are sent again.

The interruption is the one of a soft time limit, which a signal's handler raises. Here
a trace function raises it: by the argument of the job, at the first, the second … line
of Celery and of ptrack that is on the way.
"""

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from celery import Celery
from celery.app import task, trace
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_prerun

import ptrack
from ptrack.background import celery, worker

PLACE = Path(os.environ["PLACE"])
FILES = {module.__file__ for module in (task, trace, celery, worker)}
# Celery asks for each detail of a job in functions of their own.
BORING = {"get", "update", "__getattr__", "__init__", "_get_request"}

app = Celery(
    "interrupted", broker=os.environ["BROKER"], include=["ptrack.background.celery"]
)
app.conf.broker_transport_options = {"socket_timeout": 10}
# Otherwise each job would take seconds.
celery.choose_delay = lambda *_: 0


def note(name: str, line: object) -> None:
    with (PLACE / name).open("a") as file:
        file.write(f"{line}\n")


def is_on_the_way(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_filename in FILES and code.co_name not in BORING


@task_prerun.connect
def arm(task: Any, args: Any, **_: Any) -> None:
    """Let the trace function count the lines of the job's first try."""
    number = ptrack.core.jobs.read_job(*args).args[0]
    armed = PLACE / f"armed-{number}"
    if armed.exists():
        return
    armed.touch()
    left = [number]

    def count(frame: FrameType, event: str, _: object) -> Any:
        if not is_on_the_way(frame):
            return None
        left[0] -= event == "line"
        if left[0] < 0:
            sys.settrace(None)
            where = Path(frame.f_code.co_filename).name
            note("interrupted", f"{number}={where}:{frame.f_lineno}")
            raise SoftTimeLimitExceeded
        return count

    sys.settrace(count)
    # The frames that have begun already, too.
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if is_on_the_way(frame):
            frame.f_trace = count
        frame = frame.f_back


@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        tried = PLACE / f"tried-{args[0]}"
        if tried.exists():
            note("recorded", args[0])
            return
        tried.touch()
        raise LookupError
