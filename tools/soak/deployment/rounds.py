"""The rounds: damage to the deployment while it is loaded, and the results."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tools.soak.processes import SoakError, wait_until

from . import accounts
from .accounts import Accounts, balance, read_log, read_rows
from .client import Client
from .stage import PATIENCE, Stage, find_path

OFTEN = 6
"""How often workers are killed in the round that does only that."""

DOWN = 2.0
"""Seconds that a killed process stays away."""


@dataclass(frozen=True)
class Round:
    """Some damage.

    Attributes:
        name: Its name in the results.
        inject: Does the damage; returns a description.
        retries: Whether nginx asks the other mirror.
        kills: How many workers are killed. Each kill may lose one hit: see
            `tools.soak.background.Fault.losses`.
    """

    name: str
    inject: Callable[[Stage, Client], str]
    retries: bool = True
    kills: int = 0


@dataclass(frozen=True)
class Result:
    """The result of a round.

    Attributes:
        name: The name of the round.
        said: The damage in words.
        accounts: The accounts of its hits.
        redone: Jobs that were done more than once.
    """

    name: str
    said: str
    accounts: Accounts
    redone: int


def run(damage: Round, stage: Stage, numbers: range) -> Result:
    """Run a round under load.

    Args:
        damage: The round.
        stage: The deployment.
        numbers: The numbers of the hits.

    Raises:
        SoakError: The hits weren't answered, the jobs weren't done, or the damage
            didn't happen.
    """
    told, done = _measure_log(stage), len(_list_done(stage))
    client = Client(stage.port, find_path, stage.context)
    load = threading.Thread(target=client.load, args=(numbers,))
    load.start()
    try:
        _wait_for(client, len(numbers) // 4)
        said = damage.inject(stage, client)
    finally:
        load.join()
    stage.settle()
    with stage.log.open("rb") as log:
        log.seek(told)
        lines = log.read().decode().splitlines()
    rows = read_rows(stage.database, numbers)
    found = balance(client.seen, read_log(lines), rows, allowed=damage.kills)
    jobs = _list_done(stage)[done:]
    return Result(damage.name, said, found, len(jobs) - len(set(jobs)))


def count_rows(stage: Stage) -> int:
    """Return the number of rows."""
    return accounts.count_rows(stage.database)


def _measure_log(stage: Stage) -> int:
    return stage.log.stat().st_size


def _list_done(stage: Stage) -> list[str]:
    done = stage.place / "done"
    return done.read_text().split() if done.exists() else []


def _wait_for(client: Client, answered: int) -> None:
    wait_until(lambda: client.progress >= answered, PATIENCE, "no more answers")


def _kill_both(stage: Stage, client: Client) -> str:
    mirror, worker = stage.mirrors[0], stage.workers[0]
    mirror.kill()
    time.sleep(DOWN)
    worker.kill()
    held = stage.redis.count_held()
    mirror.start()
    time.sleep(DOWN)
    worker.start()
    return f"each away for some {2 * DOWN:.0f} s; the workers held {held} jobs"


def _kill_worker_late(stage: Stage, client: Client) -> str:
    """Kill a worker whose jobs are all committed, and none acknowledged."""
    worker = stage.workers[0]
    with stage.linger("worker"):
        before = max(0, len(_list_done(stage)) - 100)

        def list_held() -> set[str]:
            return _list_held(stage) & set(_list_done(stage)[before:])

        # Until all of its threads linger; on a busy machine, until one does.
        time.sleep(1)
        missing = "the worker held no job that was done"
        wait_until(lambda: bool(list_held()), PATIENCE, missing)
        worker.kill()
    found = list_held()
    if not found:
        raise SoakError(missing)
    worker.start()
    return f"{len(found)} jobs were committed and not acknowledged"


def _list_held(stage: Stage) -> set[str]:
    with stage.redis.connect() as client:
        found = client.hvals("unacked")
    return {json.loads(each)[0]["headers"]["id"] for each in found}


def _kill_mirror_late(stage: Stage, client: Client) -> str:
    """Kill a mirror that has handed hits over, and answered none of them."""
    mirror = stage.mirrors[0]
    with stage.linger("mirror"):
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


def _kill_often(stage: Stage, client: Client) -> str:
    for number in range(OFTEN):
        worker = stage.workers[number % 2]
        worker.kill()
        worker.start()
    return f"{OFTEN} times"


def _restart(stage: Stage, client: Client) -> str:
    for worker in stage.workers:
        worker.stop()
        worker.start()
    return "both workers, one after the other"


BOTH = Round("a mirror and a worker killed", _kill_both, kills=1)
WORKER = Round(
    "a worker killed between commit and acknowledgement", _kill_worker_late, kills=1
)
MIRROR = Round("a mirror killed between handing over and answering", _kill_mirror_late)
ALONE = Round(
    "a mirror killed likewise, `proxy_next_upstream off`",
    _kill_mirror_late,
    retries=False,
)
OFTEN_KILLED = Round("workers killed again and again", _kill_often, kills=OFTEN)
RESTARTED = Round("workers restarted (`TERM`)", _restart)
RELOAD = Round("mirrors reloaded (`HUP`)", _reload)
