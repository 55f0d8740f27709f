"""The faults of recording in the background: brokers, queues and workers that fail.

Each happens to real services under load. Afterwards every hit that was answered has to
be recorded, once if those with the same id count as one. Only kombu with Redis may lose
a few: see `Fault.losses`.
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
"""Seconds that workers may take for the jobs that are left when the load is over."""

VISIBILITY = 5
"""Seconds after which another worker gets a job that a worker has and hasn't done."""

REFUSED = 0.1
"""The part of the hits that a healthy broker may refuse.

Redis writes each job to the disk before it answers. Beside other work on the same disk
that may take longer than the server waits.
"""

MARK = "carried-by-every-hit"
"""Every hit carries it, and no log may show it."""

MIRROR = "tools.soak.served.queue:application()"
WSGI = "tools.soak.served.tasks.wsgi:application"
SETTINGS = "tools.soak.served.tasks.settings"


@dataclass(frozen=True)
class Effort:
    """The size of a test.

    Attributes:
        around: Requests before a fault, between its steps, and after it.
        times: How often the fault happens.
        seconds: How long something is out of order.
    """

    around: int
    times: int
    seconds: float


FULL = Effort(around=300, times=3, seconds=2)
QUICK = Effort(around=100, times=1, seconds=0.5)


@dataclass(frozen=True)
class Stand:
    """The services that a fault happens to.

    Attributes:
        place: The directory that all of them write to.
        client: Sends requests to the server.
        server: Answers, and hands hits over.
        worker: Records them.
        redis: Celery's broker; ``None`` with Django's Tasks.
        effort: The size of the test.
        tokens: The tokens of all hits.
    """

    place: Path
    client: Client
    server: Server
    worker: Any
    redis: Any
    effort: Effort
    tokens: list[str]

    def wait_for_answers(self) -> None:
        """Wait for as many more answers as the effort says."""
        answers = self.client.book.answers
        goal = answers.total() + self.effort.around
        wait_until(lambda: answers.total() >= goal, PATIENCE, "no more answers")

    def count_records(self) -> int:
        """Return the number of records."""
        return books.count_recorded(self.place)

    def count_refusals(self) -> int:
        """Return the number of hits that the server recorded itself."""
        return books.count_at_once(self.place)

    def count_tasks(self, *statuses: str) -> int:
        """Return the number of Django's tasks that have one of these statuses."""
        query = (
            "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN"
        )
        marks = ", ".join("?" * len(statuses))
        with closing(sqlite3.connect(self.place / TASKS_DATABASE)) as database:
            (count,) = database.execute(f"{query} ({marks})", statuses).fetchone()
        return int(count)

    def count_jobs(self) -> int:
        """Return the number of jobs that aren't done."""
        if self.redis is None:
            return self.count_tasks("READY", "RUNNING")
        return int(self.redis.count_queued() + self.redis.count_held())

    def settle(self) -> None:
        """Wait until the workers have done all jobs.

        A job that a worker has just taken is nowhere for a moment, so this looks twice.
        """
        try:
            wait_until(
                lambda: self._is_idle() and self._is_idle(), PATIENCE, "jobs left"
            )
        except SoakError as error:
            tail = self.worker.read_output()[-2000:]
            raise SoakError(
                f"{error}: {self.count_jobs()}, the worker:\n{tail}"
            ) from None

    def _is_idle(self) -> bool:
        before = self.count_records()
        if self.count_jobs():
            return False
        time.sleep(0.3)
        return self.count_records() == before


@dataclass(frozen=True)
class Fault:
    """A failure of a service while hits are recorded in the background.

    Attributes:
        name: Its name in the results.
        inject: Brings it about under load, and returns a sentence about it.
        engine: ``"celery"``, outside Django, or ``"tasks"``, within.
        mend: Does the work that is left to people afterwards, and returns a sentence
            about it.
        settings: Settings of Celery.
        hit: Keywords of every hit.
        rest: Seconds between the requests of each visitor.
        pool: The pool of Celery's worker.
        variables: Variables of the worker's environment.
        at_once: The server has to record some hits itself.
        doubles: Some hits may be recorded more than once.
        losses: Hits that may be lost each time. Kombu takes a job out of Redis, and
            notes in a second command that a worker has it. If the worker or Redis is
            killed in between, the job is nowhere. A worker takes the next job only when
            it has noted the last one, so that is one job for each kill of a worker.
        losses_at_end: Hits that may be lost once more, when the worker is replaced
            after the last time: if it no longer works, it is killed.
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
    losses: int = 0
    losses_at_end: int = 0


@dataclass(frozen=True)
class Result:
    """The outcome of a fault.

    Attributes:
        fault: The fault.
        effort: The size of the test.
        said: Sentences about the fault.
        book: The requests and answers of the client.
        hits: The records, compared with these.
        settled: Seconds that the workers took for the jobs that were left.
        leaks: Words that logs show of hits, tokens among them.
    """

    fault: Fault
    effort: Effort
    said: str
    book: Book
    hits: books.Behind
    settled: float
    leaks: set[str]

    @property
    def allowed_losses(self) -> int:
        """The number of hits that may be lost."""
        return self.fault.losses * self.effort.times + self.fault.losses_at_end

    @property
    def problems(self) -> list[str]:
        """Sentences about everything that isn't as it should be."""
        hits = self.hits
        wrong = dict(self.book.wrong)
        if self.fault.engine == "celery":
            # A mirror has no page.
            wrong.pop(("page", 404), None)
        checks: dict[str, Any] = {
            f"{hits.lost} hits were lost": hits.lost > self.allowed_losses,
            "hits were recorded that weren't asked for": hits.surplus,
            "hits were recorded twice": hits.doubled and not self.fault.doubles,
            "nothing was recorded at once": self.fault.at_once and not hits.at_once,
            f"hits ran at once: {hits.at_once}": not self.fault.at_once
            and hits.at_once > hits.answered * REFUSED,
            "the log doesn't have each hit that ran at once": hits.unlogged,
            f"wrong answers: {wrong}": wrong,
            "logs show arguments of hits": self.leaks,
        }
        return [problem for problem, found in checks.items() if found]


def run(fault: Fault, effort: Effort, seed: int = 1) -> Result | NotRun:
    """Bring a fault about under load, and compare the records with the answers."""
    if fault.engine == "celery" and not has_redis():
        return NotRun(REMEDY)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ptrack-soak-"))
        stand = _set_up(fault, stack, Path(name), effort, seed)
        injection = asyncio.to_thread(_inject, fault, stand)
        said = asyncio.run(stand.client.load_during(injection))
        said += fault.mend(stand)
        ended = time.monotonic()
        stand.settle()
        return Result(
            fault=fault,
            effort=effort,
            said=said,
            book=stand.client.book,
            hits=books.balance_background(stand.client.book, stand.place),
            settled=time.monotonic() - ended,
            leaks=_find_leaks(stand),
        )


def _find_leaks(stand: Stand) -> set[str]:
    """Return the tokens, their content and the secret as far as a log shows them."""
    logs = (
        stand.server.read_output(),
        stand.worker.read_output(),
        (stand.place / LOG).read_text(errors="replace"),
    )
    words = set(re.findall(r"[\w-]{20,}", "\n".join(logs)))
    return words & {*stand.tokens, MARK, SECRET}


def _set_up(
    fault: Fault, stack: ExitStack, place: Path, effort: Effort, seed: int
) -> Stand:
    servers.prepare(place)
    start = _start_celery if fault.engine == "celery" else _start_tasks
    redis, worker, server = start(fault, stack, place)
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


def _start_celery(
    fault: Fault, stack: ExitStack, place: Path
) -> tuple[Redis, Service, Server]:
    redis: Redis = stack.enter_context(Redis(place))
    variables = {
        PLACE: str(place),
        BROKER: redis.url,
        CELERY: json.dumps(fault.settings),
    }
    worker = CeleryWorker(
        "tools.soak.served.queue",
        place,
        pool=fault.pool,
        **{**variables, WHO: WORKER, **fault.variables},
    )
    return (
        redis,
        stack.enter_context(worker),
        stack.enter_context(Server(_serve(MIRROR), place, **variables)),
    )


def _start_tasks(
    fault: Fault, stack: ExitStack, place: Path
) -> tuple[None, Service, Server]:
    variables = {PLACE: str(place), "DJANGO_SETTINGS_MODULE": SETTINGS}
    _run_django(place, "migrate", "--verbosity", "0")
    with closing(sqlite3.connect(place / TASKS_DATABASE)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    worker = DatabaseWorker(
        SETTINGS, place, **{PLACE: str(place), WHO: WORKER, **fault.variables}
    )
    return (
        None,
        stack.enter_context(worker),
        stack.enter_context(Server(_serve(WSGI), place, **variables)),
    )


def _serve(app: str) -> Callable[[int], list[str]]:
    """Return a function that makes the command of a server."""

    def make_command(port: int) -> list[str]:
        return servers.make_gunicorn_command(
            port, app, "--worker-class", "gthread", "--threads=4"
        )

    return make_command


def _inject(fault: Fault, stand: Stand) -> str:
    stand.wait_for_answers()
    said = fault.inject(stand)
    stand.wait_for_answers()
    return said


# -- brokers --------------------------------------------------------------------------


def kill_broker(stand: Stand) -> str:
    """Kill Redis, and start it again; it reads all that it had from its log."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        stand.redis.kill()
        stand.wait_for_answers()
        time.sleep(stand.effort.seconds)
        stand.redis.start()
        stand.wait_for_answers()
    # Kombu's worker may end, or stop working, if Redis ends while it acknowledges.
    stand.worker.stop()
    stand.worker.start()
    return f"{stand.effort.times} times, and {stand.effort.seconds:g} s down each"


def fill_broker(stand: Stand) -> str:
    """Fill Redis while the worker is away; then allow it more memory, and a worker."""
    stand.worker.stop()
    stand.redis.limit(50_000)
    wait_until(lambda: stand.count_refusals() > 20, PATIENCE, "it is never full")
    stand.wait_for_answers()
    queued = stand.redis.count_queued()
    stand.redis.limit(None)
    stand.worker.start()
    return f"{queued:,} jobs were queued"


def freeze_broker(stand: Stand) -> str:
    """Let Redis accept connections, and answer nothing."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        refused = stand.count_refusals()
        stand.redis.freeze()
        time.sleep(stand.effort.seconds)
        wait_until(
            lambda seen=refused: stand.count_refusals() > seen,  # type: ignore[misc]
            PATIENCE,
            "no bound",
        )
        stand.redis.thaw()
        stand.wait_for_answers()
    return f"{stand.effort.times} times, {_describe_slowest(stand)}"


def _describe_slowest(stand: Stand) -> str:
    return f"the slowest answer after {stand.client.book.longest:.1f} s"


# -- workers --------------------------------------------------------------------------


def kill_child(stand: Stand) -> str:
    """Kill a process of the worker while it records."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        stand.worker.kill_child()
    return f"{stand.effort.times} killed"


def kill_worker(stand: Stand) -> str:
    """Kill the whole worker while it records, and start another one."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        stand.worker.kill()
        stand.worker.start()
    return f"{stand.effort.times} killed"


def kill_database_worker(stand: Stand) -> str:
    """Kill db_worker until enough tasks have lost theirs."""
    killed = 0
    for goal in range(1, stand.effort.times + 1):
        stand.wait_for_answers()
        while True:
            wait_until(
                lambda n=goal: stand.count_tasks("RUNNING") >= n,  # type: ignore[misc]
                PATIENCE,
                "idle",
            )
            stand.worker.kill()
            killed += 1
            if stand.count_tasks("RUNNING") >= goal:
                break
            # It was between two tasks.
            stand.worker.start()
        stand.worker.start()
    return f"{killed} killed"


def replace_worker(stand: Stand) -> str:
    """End the worker as a deployment does (SIGTERM), and start another one."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        stand.worker.stop()
        stand.worker.start()
    return f"{stand.effort.times} times"


def reload_server(stand: Stand) -> str:
    """Have the server replace its processes (SIGHUP)."""
    for _ in range(stand.effort.times):
        stand.wait_for_answers()
        stand.server.reload()
        time.sleep(stand.effort.seconds)
        stand.wait_for_answers()
    return f"{stand.effort.times} times"


# -- databases ------------------------------------------------------------------------


def lock_ledger(stand: Stand) -> str:
    """Lock the callback's database for longer than it waits."""
    with _lock(stand.place / BEHIND):
        time.sleep(stand.effort.seconds)
    failures = books.count_failures(stand.place, "tools.soak.served.behind")["Ledger"]
    return f"{failures:,} failures logged"


def lock_tasks(stand: Stand) -> str:
    """Lock the tasks' database for longer than the site waits."""
    with _lock(stand.place / TASKS_DATABASE):
        wait_until(lambda: stand.count_refusals() > 5, PATIENCE, "nothing runs at once")
    return _describe_slowest(stand)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


GIVE_BACK = """\
from django_tasks_db.models import DBTaskResult

DBTaskResult.objects.running().update(status="READY")
"""
"""The code that gives back the tasks of killed workers; no worker may run meanwhile."""


def give_tasks_back(stand: Stand) -> str:
    """Return the tasks of killed workers to the queue."""
    stand.worker.stop()
    count = stand.count_tasks("RUNNING")
    _run_django(stand.place, "shell", "-c", GIVE_BACK)
    stand.worker.start()
    return f", {count} tasks stayed RUNNING and were given back"


def _run_django(place: Path, *command: str) -> None:
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
        # Look for such jobs every second, not every 100.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        # If a worker is killed while it looks, its lock stays, by default for 300 s.
        "unacked_mutex_expire": VISIBILITY,
    }
}
_SLOW = {"before": 0.005, "after": 0.005}
_PROMPT = "threads"
"""The pool of a worker that has to end at once, without a job.

Processes may wait half a minute for the process that started them, which no longer
listens. If they are killed then, their jobs are done after the ``visibility_timeout``.
"""

FAULTS = (
    Fault(
        "Redis killed and started again",
        kill_broker,
        settings=_SHORT,
        rest=0.02,
        at_once=True,
        doubles=True,
        losses=1,
        losses_at_end=1,
    ),
    Fault("Redis full", fill_broker, rest=0, pool=_PROMPT, at_once=True),
    Fault("Redis hangs", freeze_broker, settings=_SHORT, at_once=True, doubles=True),
    Fault("a worker's process killed", kill_child, hit=_SLOW, doubles=True),
    Fault(
        "a whole worker killed",
        kill_worker,
        settings=_SHORT,
        hit=_SLOW,
        doubles=True,
        losses=1,
    ),
    Fault(
        "a worker replaced (TERM)",
        replace_worker,
        settings=_SHORT,
        hit=_SLOW,
        pool=_PROMPT,
        doubles=True,
    ),
    Fault("the server reloaded (HUP)", reload_server),
    Fault(
        "the callback's database locked",
        lock_ledger,
        variables={PATIENT: "0.05"},
    ),
    Fault(
        "db_worker killed",
        kill_database_worker,
        "tasks",
        mend=give_tasks_back,
        hit={"before": 0.02, "after": 0.02},
        rest=0.3,
        doubles=True,
    ),
    Fault(
        "the tasks' database locked",
        lock_tasks,
        "tasks",
        # A worker ends if it can't store that a task is done.
        mend=give_tasks_back,
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
"""The faults that the tests have with `QUICK`: `make soak QUICK=1` leaves them out."""
