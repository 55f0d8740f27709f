"""What is done to the deployment while it is loaded, and what comes of it."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.soak.processes import SoakError, wait_until

from . import accounts
from .accounts import Accounts, balance, logged, rows
from .client import Client
from .stage import PATIENCE, Stage, path_of

OFTEN = 6
"""How often workers are killed in the round that does only that."""

DOWN = 2.0
"""Seconds that what was killed stays away."""


@dataclass(frozen=True)
class Round:
    """Something that is done.

    Attributes:
        name: What it is called in the results.
        inject: Does it, and tells what was seen.
        retries: nginx asks the other mirror.
    """

    name: str
    inject: Callable[[Stage, Client], str]
    retries: bool = True


@dataclass(frozen=True)
class Result:
    """What came of a round.

    Attributes:
        name: The round's.
        said: What was done, in words.
        accounts: Of its hits.
        redone: Jobs that were done more than once.
    """

    name: str
    said: str
    accounts: Accounts
    redone: int


def run(what: Round, stage: Stage, numbers: range) -> Result:
    """Do it under load.

    Args:
        what: To do.
        stage: To whom.
        numbers: The hits.

    Raises:
        SoakError: The hits weren't answered, or the jobs not done, or what was to be
            done didn't happen.
    """
    told, done = _length(stage), len(_done(stage))
    client = Client(stage.port, path_of, stage.context)
    load = threading.Thread(target=client.load, args=(numbers,))
    load.start()
    try:
        _until(client, len(numbers) // 4)
        said = what.inject(stage, client)
    finally:
        load.join()
    stage.settle()
    with stage.log.open("rb") as log:
        log.seek(told)
        lines = log.read().decode().splitlines()
    found = balance(client.seen, logged(lines), rows(stage.database, numbers))
    jobs = _done(stage)[done:]
    return Result(what.name, said, found, len(jobs) - len(set(jobs)))


def count(stage: Stage) -> int:
    """Give the number of rows."""
    return accounts.count(stage.database)


def _length(stage: Stage) -> int:
    return stage.log.stat().st_size


def _done(stage: Stage) -> list[str]:
    done = stage.place / "done"
    return done.read_text().split() if done.exists() else []


def _until(client: Client, answered: int) -> None:
    wait_until(lambda: client.progress >= answered, PATIENCE, "no more answers")


def _both(stage: Stage, client: Client) -> str:
    mirror, worker = stage.mirrors[0], stage.workers[0]
    mirror.kill()
    time.sleep(DOWN)
    worker.kill()
    held = stage.redis.unfinished() - stage.redis.queued()
    mirror.start()
    time.sleep(DOWN)
    worker.start()
    return f"each away for some {2 * DOWN:.0f} s; the workers held {held} jobs"


def _worker_late(stage: Stage, client: Client) -> str:
    """Kill a worker whose jobs are all committed, and none acknowledged."""
    worker = stage.workers[0]
    with stage.lingering("worker"):
        before = max(0, len(_done(stage)) - 100)

        def held() -> set[str]:
            return _held(stage) & set(_done(stage)[before:])

        # Until all of its threads are at it; on a busy machine, until one is.
        time.sleep(1)
        missing = "the worker held no job that was done"
        wait_until(lambda: bool(held()), PATIENCE, missing)
        worker.kill()
    found = held()
    if not found:
        raise SoakError(missing)
    worker.start()
    return f"{len(found)} jobs were committed and not acknowledged"


def _held(stage: Stage) -> set[str]:
    with stage.redis.client() as client:
        found = client.hvals("unacked")
    return {json.loads(each)[0]["headers"]["id"] for each in found}


def _mirror_late(stage: Stage, client: Client) -> str:
    """Kill a mirror that has handed hits over, and answered none of them."""
    mirror = stage.mirrors[0]
    with stage.lingering("mirror"):
        time.sleep(0.5)
        mirror.kill()
    time.sleep(DOWN)
    mirror.start()
    return "killed with its hits handed over"


def _reload(stage: Stage, client: Client) -> str:
    for mirror in stage.mirrors:
        os.kill(mirror.pid, signal.SIGHUP)
        time.sleep(DOWN)
    return "both mirrors, one after the other"


def _killed_often(stage: Stage, client: Client) -> str:
    for number in range(OFTEN):
        worker = stage.workers[number % 2]
        worker.kill()
        worker.start()
    return f"{OFTEN} times"


def _restarted(stage: Stage, client: Client) -> str:
    for worker in stage.workers:
        worker.stop()
        worker.start()
    return "both workers, one after the other"


BOTH = Round("a mirror and a worker killed", _both)
WORKER = Round("a worker killed between commit and acknowledgement", _worker_late)
MIRROR = Round("a mirror killed between handing over and answering", _mirror_late)
ALONE = Round(
    "a mirror killed likewise, `proxy_next_upstream off`", _mirror_late, retries=False
)
OFTEN_KILLED = Round("workers killed again and again", _killed_often)
RESTARTED = Round("workers restarted (`TERM`)", _restarted)
RELOAD = Round("mirrors reloaded (`HUP`)", _reload)
