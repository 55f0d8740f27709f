"""The faults of what records in the background: brokers, queues and workers that fail.

Each is done to real services under load. Every hit that was answered has to be recorded
afterwards, once if those with the same id count as one.
"""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ptrack.core.tokens import TokenBox

from . import books, servers
from .books import Book
from .client import Client
from .mix import Mix
from .places import (
    BEHIND,
    BROKER,
    CELERY,
    LOG,
    PATIENT,
    PLACE,
    ROOT,
    TASKS_DATABASE,
    WHO,
    WORKER,
)
from .processes import SoakError, wait_until
from .servers import SECRET, NotRun, Server
from .service import Service
from .services import REMEDY, CeleryWorker, DatabaseWorker, Redis, has_redis

PATIENCE = 120
"""Seconds that workers may take for what is left when the load is over."""

VISIBILITY = 5
"""Seconds after which Redis gives another worker what one has taken and not done."""

MARK = "what-nobody-else-may-see"
"""Every hit carries it."""

MIRROR = "tools.soak.served.queue:application()"
WSGI = "tools.soak.served.tasks.wsgi:application"
SETTINGS = "tools.soak.served.tasks.settings"


@dataclass(frozen=True)
class Effort:
    """How much is done.

    Attributes:
        around: Requests before a fault, between its steps, and after it.
        times: How often it is done.
        seconds: How long something is out of order.
    """

    around: int
    times: int
    seconds: float


FULL = Effort(around=300, times=3, seconds=2)
QUICK = Effort(around=100, times=1, seconds=0.5)


@dataclass(frozen=True)
class Stand:
    """Where a fault happens.

    Attributes:
        place: Where everything writes.
        client: Is loading the server.
        server: Answers, and hands hits over.
        worker: Records them.
        redis: Celery's broker; ``None`` with Django's Tasks.
        effort: How much is to be done.
        tokens: All that hits were sent with.
    """

    place: Path
    client: Client
    server: Server
    worker: Any
    redis: Any
    effort: Effort
    tokens: list[str]

    def answers(self, count: int | None = None) -> None:
        """Wait for so many more answers."""
        answers = self.client.book.answers
        goal = answers.total() + (count or self.effort.around)
        wait_until(lambda: answers.total() >= goal, PATIENCE, "no more answers")

    def recorded(self) -> int:
        """Give how many records there are."""
        return books.recorded(self.place)

    def tasks(self, *statuses: str) -> int:
        """Give how many of Django's tasks have one of these statuses."""
        query = (
            "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN"
        )
        marks = ", ".join("?" * len(statuses))
        with closing(sqlite3.connect(self.place / TASKS_DATABASE)) as database:
            (count,) = database.execute(f"{query} ({marks})", statuses).fetchone()
        return int(count)

    def left(self) -> int:
        """Give how many jobs aren't done."""
        if self.redis is None:
            return self.tasks("READY", "RUNNING")
        return int(self.redis.queued() + self.redis.unfinished())

    def settle(self) -> None:
        """Wait until the workers have done all jobs.

        What a worker has just taken is nowhere for a moment, so this looks twice.
        """
        try:
            wait_until(
                lambda: self._is_idle() and self._is_idle(), PATIENCE, "jobs left"
            )
        except SoakError as error:
            tail = self.worker.output()[-2000:]
            raise SoakError(f"{error}: {self.left()}, the worker:\n{tail}") from None

    def _is_idle(self) -> bool:
        before = self.recorded()
        if self.left():
            return False
        time.sleep(0.3)
        return self.recorded() == before


@dataclass(frozen=True)
class Fault:
    """Something that is done while hits are recorded in the background.

    Attributes:
        name: What it is called in the results.
        inject: Does it, under load, and tells what was done.
        engine: ``"celery"``, outside Django, or ``"tasks"``, within.
        mend: Does what is to be done by hand afterwards, and tells what that was.
        settings: Of Celery.
        hit: Keywords of every hit.
        rest: Seconds between the requests of each visitor.
        pool: Of Celery's worker.
        variables: Of the worker's environment.
        at_once: The server has to record some hits itself.
        doubles: Some hits may be recorded more than once.
    """

    name: str
    inject: Callable[[Stand], str]
    engine: str = "celery"
    mend: Callable[[Stand], str] = lambda _: ""
    settings: dict[str, Any] = field(default_factory=dict)
    hit: dict[str, Any] = field(default_factory=dict)
    rest: float = 0.1
    pool: str = "prefork"
    variables: dict[str, str] = field(default_factory=dict)
    at_once: bool = False
    doubles: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a fault.

    Attributes:
        fault: What was done.
        said: The same in words, with what was seen.
        book: What the client saw.
        hits: What was recorded against it.
        settled: Seconds that the workers took for what was left after the load.
        told: What logs show of what hits carry, tokens among that.
    """

    fault: Fault
    said: str
    book: Book
    hits: books.Behind
    settled: float
    told: set[str]

    @property
    def problems(self) -> list[str]:
        """What isn't as it should be."""
        hits = self.hits
        wrong = dict(self.book.wrong)
        if self.fault.engine == "celery":
            # A mirror has no page.
            wrong.pop(("page", 404), None)
        checks: dict[str, Any] = {
            f"{hits.lost} hits were lost": hits.lost,
            "hits were recorded that weren't asked for": hits.surplus,
            "hits were recorded twice": hits.doubled and not self.fault.doubles,
            "nothing was recorded at once": self.fault.at_once and not hits.at_once,
            f"hits ran at once: {hits.at_once}": hits.at_once
            and not self.fault.at_once,
            "what ran at once isn't what was logged": hits.unlogged,
            f"wrong answers: {wrong}": wrong,
            "logs tell what hits carry": self.told,
        }
        return [problem for problem, found in checks.items() if found]


def run(fault: Fault, effort: Effort, seed: int = 1) -> Result | NotRun:
    """Do it under load, and compare what was recorded with what was answered."""
    if fault.engine == "celery" and not has_redis():
        return NotRun(REMEDY)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ptrack-soak-"))
        stand = _stand(fault, stack, Path(name), effort, seed)
        injecting = asyncio.to_thread(_injected, fault, stand)
        said = asyncio.run(stand.client.load_during(injecting))
        said += fault.mend(stand)
        ended = time.monotonic()
        stand.settle()
        return Result(
            fault=fault,
            said=said,
            book=stand.client.book,
            hits=books.behind(stand.client.book, stand.place),
            settled=time.monotonic() - ended,
            told=_told(stand),
        )


def _told(stand: Stand) -> set[str]:
    """Look for tokens, for what they carry and for the secret in all logs."""
    logs = (
        stand.server.output(),
        stand.worker.output(),
        (stand.place / LOG).read_text(errors="replace"),
    )
    words = set(re.findall(r"[\w-]{20,}", "\n".join(logs)))
    return words & {*stand.tokens, MARK, SECRET}


def _stand(
    fault: Fault, stack: ExitStack, place: Path, effort: Effort, seed: int
) -> Stand:
    servers.prepare(place)
    make = _celery if fault.engine == "celery" else _tasks
    redis, worker, server = make(fault, stack, place)
    tokens: list[str] = []
    encrypt = TokenBox(SECRET).encrypt

    def seal(**hit: Any) -> str:
        tokens.append(encrypt(**hit))
        return tokens[-1]

    mix = Mix(seal, keep_alive=True, seed=seed, always={"mark": MARK, **fault.hit})
    client = Client(
        *(mix, Book(), lambda: server.port),
        keep_alive=True,
        hold=0.9,
        rest=fault.rest,
    )
    return Stand(place, client, server, worker, redis, effort, tokens)


def _celery(
    fault: Fault, stack: ExitStack, place: Path
) -> tuple[Redis, Service, Server]:
    redis: Redis = stack.enter_context(Redis(place))
    variables = {
        PLACE: str(place),
        BROKER: redis.url,
        CELERY: json.dumps(fault.settings),
    }
    of_worker = {**variables, WHO: WORKER, **fault.variables}
    worker = CeleryWorker("tools.soak.served.queue", place, pool=fault.pool, **of_worker)
    return (
        redis,
        stack.enter_context(worker),
        stack.enter_context(Server(_serving(MIRROR), place, **variables)),
    )


def _tasks(fault: Fault, stack: ExitStack, place: Path) -> tuple[None, Service, Server]:
    variables = {PLACE: str(place), "DJANGO_SETTINGS_MODULE": SETTINGS}
    _django(place, "migrate", "--verbosity", "0")
    with closing(sqlite3.connect(place / TASKS_DATABASE)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    worker = DatabaseWorker(
        SETTINGS, place, **{PLACE: str(place), WHO: WORKER, **fault.variables}
    )
    return (
        None,
        stack.enter_context(worker),
        stack.enter_context(Server(_serving(WSGI), place, **variables)),
    )


def _serving(app: str) -> Callable[[int], list[str]]:
    def command(port: int) -> list[str]:
        return servers.gunicorn(port, app, "--worker-class", "gthread", "--threads=4")

    return command


def _injected(fault: Fault, stand: Stand) -> str:
    stand.answers()
    said = fault.inject(stand)
    stand.answers()
    return said


# -- brokers --------------------------------------------------------------------------


def broker_killed(stand: Stand) -> str:
    """Kill Redis, and start it again with what is in its log."""
    for _ in range(stand.effort.times):
        stand.answers()
        stand.redis.kill()
        stand.answers()
        time.sleep(stand.effort.seconds)
        stand.redis.start()
        stand.answers()
    # Kombu's worker may end, or do nothing more, if Redis goes while it acknowledges.
    stand.worker.stop()
    stand.worker.start()
    return f"{stand.effort.times} times, and {stand.effort.seconds:g} s down each"


def queue_full(stand: Stand) -> str:
    """Allow Redis no more memory, with the worker away; then again, and let it work."""
    stand.worker.stop()
    stand.redis.limit(50_000)
    wait_until(lambda: _refused(stand) > 20, PATIENCE, "it is never full")
    stand.answers()
    queued = stand.redis.queued()
    stand.redis.limit(None)
    stand.worker.start()
    return f"{queued:,} jobs were queued"


def broker_hangs(stand: Stand) -> str:
    """Let Redis accept connections, and answer nothing."""
    for _ in range(stand.effort.times):
        stand.answers()
        refused = _refused(stand)
        stand.redis.freeze()
        time.sleep(stand.effort.seconds)
        wait_until(lambda seen=refused: _refused(stand) > seen, PATIENCE, "no bound")  # type: ignore[misc]
        stand.redis.thaw()
        stand.answers()
    return f"{stand.effort.times} times, the slowest answer after {_slowest(stand)} s"


def _refused(stand: Stand) -> int:
    return books.at_once(stand.place)


def _slowest(stand: Stand) -> str:
    return f"{stand.client.book.longest:.1f}"


# -- workers --------------------------------------------------------------------------


def child_killed(stand: Stand) -> str:
    """Kill a process that records, while it does."""
    for _ in range(stand.effort.times):
        stand.answers()
        stand.worker.kill_child()
    return f"{stand.effort.times} killed"


def worker_killed(stand: Stand) -> str:
    """Kill the whole worker while it records, and start another one."""
    for _ in range(stand.effort.times):
        stand.answers()
        stand.worker.kill()
        stand.worker.start()
    return f"{stand.effort.times} killed"


def database_worker_killed(stand: Stand) -> str:
    """Kill db_worker until so many tasks have lost theirs."""
    killed = 0
    for goal in range(1, stand.effort.times + 1):
        stand.answers()
        while True:
            wait_until(lambda n=goal: stand.tasks("RUNNING") >= n, PATIENCE, "idle")  # type: ignore[misc]
            stand.worker.kill()
            killed += 1
            if stand.tasks("RUNNING") >= goal:
                break
            # It was between two of them.
            stand.worker.start()
        stand.worker.start()
    return f"{killed} killed"


def worker_replaced(stand: Stand) -> str:
    """End the worker as a deployment does (SIGTERM), and start another one."""
    for _ in range(stand.effort.times):
        stand.answers()
        stand.worker.stop()
        stand.worker.start()
    return f"{stand.effort.times} times"


def server_reloaded(stand: Stand) -> str:
    """Have the server replace its processes (SIGHUP)."""
    for _ in range(stand.effort.times):
        stand.answers()
        stand.server.reload()
        time.sleep(stand.effort.seconds)
        stand.answers()
    return f"{stand.effort.times} times"


# -- databases ------------------------------------------------------------------------


def ledger_locked(stand: Stand) -> str:
    """Lock what the callback writes to, for longer than it waits."""
    with _locked(stand.place / BEHIND):
        time.sleep(stand.effort.seconds)
    failures = books.logged_failures(stand.place, "tools.soak.served.behind")["Ledger"]
    return f"{failures:,} failures logged"


def tasks_locked(stand: Stand) -> str:
    """Lock the database of the tasks, for longer than the site waits."""
    with _locked(stand.place / TASKS_DATABASE):
        wait_until(lambda: _refused(stand) > 5, PATIENCE, "nothing runs at once")
    return f"the slowest answer after {_slowest(stand)} s"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


GIVE_BACK = """\
from django_tasks_db.models import DBTaskResult

DBTaskResult.objects.running().update(status="READY")
"""
"""What to do, with no worker at work, about the tasks that killed ones had."""


def give_back(stand: Stand) -> str:
    """Give back the tasks that stay with workers that were killed."""
    stand.worker.stop()
    count = stand.tasks("RUNNING")
    _django(stand.place, "shell", "-c", GIVE_BACK)
    stand.worker.start()
    return f", {count} tasks stayed RUNNING and were given back"


def _django(place: Path, *command: str) -> None:
    variables = {PLACE: str(place), "DJANGO_SETTINGS_MODULE": SETTINGS}
    subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=place,
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )


_SHORT = {
    "broker_transport_options": {
        "visibility_timeout": VISIBILITY,
        # Look for that every second, not every 100.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
}
_SLOW = {"before": 0.005, "after": 0.005}
_PROMPT = "threads"
"""The pool of a worker that has to end when it is told to, with nothing in its hands.

Processes may wait half a minute for the one that started them, which no longer listens
(billiard.pool, ``_ensure_messages_consumed``); what is killed then keeps its jobs until
the ``visibility_timeout`` is over.
"""

FAULTS = (
    Fault(
        "Redis killed and started again",
        broker_killed,
        settings=_SHORT,
        rest=0.02,
        at_once=True,
        doubles=True,
    ),
    Fault("Redis full", queue_full, rest=0, pool=_PROMPT, at_once=True),
    Fault("Redis hangs", broker_hangs, settings=_SHORT, at_once=True, doubles=True),
    Fault("a worker's process killed", child_killed, hit=_SLOW, doubles=True),
    Fault(
        "a whole worker killed",
        worker_killed,
        settings=_SHORT,
        hit=_SLOW,
        doubles=True,
    ),
    Fault(
        "a worker replaced (TERM)",
        worker_replaced,
        settings=_SHORT,
        hit=_SLOW,
        pool=_PROMPT,
        doubles=True,
    ),
    Fault("the server reloaded (HUP)", server_reloaded),
    Fault(
        "the callback's database locked",
        ledger_locked,
        variables={PATIENT: "0.05"},
    ),
    Fault(
        "db_worker killed",
        database_worker_killed,
        "tasks",
        mend=give_back,
        hit={"before": 0.02, "after": 0.02},
        rest=0.3,
        doubles=True,
    ),
    Fault(
        "the tasks' database locked",
        tasks_locked,
        "tasks",
        # A worker that can't write down that it is done ends.
        mend=give_back,
        at_once=True,
        doubles=True,
    ),
)

TESTED = (
    "Redis killed and started again",
    "Redis full",
    "a worker's process killed",
    "db_worker killed",
    "the tasks' database locked",
)
"""Those that the tests do in the short form, which `QUICK` needn't do again."""
