"""Stretches the moments in which a kill is worst, while a file exists.

A worker imports this module, and then lingers between the commit of a row and the
acknowledgement of its job. A mirror is `application`, and lingers between having handed
a hit over and answering.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, worker_ready

LINGER, DONE = "SOAK_LINGER", "SOAK_DONE"
"""The environment variables with the file that makes it linger, and with the file that
lists the jobs that are done."""

READY = "this worker is ready"
LONGEST = 20.0


def _linger() -> None:
    deadline = time.monotonic() + LONGEST
    while Path(os.environ[LINGER]).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


@worker_ready.connect
def _announce(**_: Any) -> None:
    print(READY, flush=True)


@task_postrun.connect
def _list_job(task_id: str, **_: Any) -> None:
    # In one write, so that the lines of all threads and workers stay whole.
    with Path(os.environ[DONE]).open("a") as done:
        done.write(f"{task_id}\n")
    _linger()


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer as the recipe's mirror does, but late."""
    from recording.wsgi import application as mirror

    answer: Iterable[bytes] = mirror(environ, start_response)
    _linger()
    return answer
