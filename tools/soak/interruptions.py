"""``python -m tools.soak.interruptions``: signals that end the writing of a row.

Celery's time limits and SIGALRM raise an exception anywhere, in Django and in the
driver too. Thousands of rows are interrupted at random moments, some again while the
writing cleans up. The hits after that have to be recorded as if nothing had been: each
is looked up over a connection of another kind.
"""

import argparse
import logging
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import django
from django.conf import settings

from .command import end_on_signal
from .postgresql import Server, find_problem, run_postgresql

LATER = 3
"""Hits that are recorded after each interruption."""


class LikeControlC(KeyboardInterrupt):
    """Drivers know this one, and clean up."""


class LikeTimeLimit(Exception):  # noqa: N818 - as Celery names its own
    """As Celery's ``SoftTimeLimitExceeded``."""


class LikeNothing(BaseException):
    """An exception that no ``except Exception`` catches."""


INTERRUPTIONS = (LikeControlC, LikeTimeLimit, LikeNothing)


class Router:
    """Sends all rows to the database that is tried."""

    using: ClassVar = "sqlite"

    def db_for_write(self, *_: Any, **__: Any) -> str:
        """Return the alias."""
        return self.using

    db_for_read = db_for_write


class Timer:
    """Raises exceptions after some time, in whatever runs then."""

    def __init__(self) -> None:
        self._left = 0
        self._raised = False
        self._error: type[BaseException] = LikeNothing
        signal.signal(signal.SIGALRM, self._raise)

    def _raise(self, *_: object) -> None:
        if self._left:
            self._left -= 1
            self._raised = True
            raise self._error

    def run(self, function: Callable[[], None], seconds: float, times: int) -> bool:
        """Call a function, and interrupt it; return whether it came to its end.

        A driver may turn the exception into an error of its own: psycopg takes any
        exception while it reads a number for a wrong number.

        Args:
            function: The function.
            seconds: The time until then.
            times: How often; from the second time on, after a moment.
        """
        self._error, self._left = random.choice(INTERRUPTIONS), times
        self._raised = False
        try:
            try:
                signal.setitimer(
                    signal.ITIMER_REAL, seconds, random.uniform(5e-5, 2e-4)
                )
                function()
            finally:
                self._left = 0
        except BaseException:
            if not self._raised:
                raise
            return False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return True


def write(row: Any, in_request: bool = False) -> None:
    """Write a row as `ptrack.stats` does."""
    from ptrack.stats import writing

    writing.write(row, in_request)


def write_in_transaction(row: Any) -> None:
    """Write a row in a transaction of the caller."""
    from django.db import transaction

    with transaction.atomic(Router.using):
        write(row)


def make_row() -> Any:
    """Return a row that no other one is like."""
    from ptrack.stats.models import Open

    return Open(
        id=uuid.uuid4(), at=datetime.now(UTC), kwargs={"a": "b"}, user_agent="x"
    )


def prepare(case: str) -> None:
    """Open and close connections as a case needs them."""
    from django.db import connections

    from ptrack.stats.connections import close_idle

    if case.startswith("open"):
        connections[Router.using].ensure_connection()
    else:
        connections[Router.using].close()
    if "new" in case:
        close_idle()


CASES: dict[str, Callable[[Any], None]] = {
    "idle connection": write,
    "new connection": write,
    "new connection in a request": lambda row: write(row, in_request=True),
    "open connection of Django": write,
}


class Trial:
    """Interrupts rows in one database, and counts what became of the later ones.

    Args:
        timer: Interrupts.
        look_up: Returns whether a row of an id is committed.
    """

    def __init__(self, timer: Timer, look_up: Callable[[uuid.UUID], bool]) -> None:
        self._timer, self._look_up = timer, look_up
        self._seconds: dict[str, float] = {}
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def interrupt(self, case: str) -> None:
        """Interrupt a row, and record some hits after that."""
        counts, row = self.counts[case], make_row()
        moment = random.uniform(0, 1.5 * self._measure(case))
        prepare(case)
        times = random.choice((1, 1, 2, 4))
        done = self._timer.run(lambda: CASES[case](row), moment, times)
        counts["completed" if done else "interrupted"] += 1
        counts["lost"] += done and not self._look_up(row.id)
        for number in range(LATER):
            in_transaction = number == LATER - 1
            self._record(write_in_transaction if in_transaction else write, counts)

    def _measure(self, case: str) -> float:
        """Return the seconds that a row takes if nothing interrupts it."""
        if case not in self._seconds:
            taken = []
            for _ in range(9):
                prepare(case)
                before = time.perf_counter()
                CASES[case](make_row())
                taken.append(time.perf_counter() - before)
            self._seconds[case] = statistics.median(taken)
        return self._seconds[case]

    def _record(self, function: Callable[[Any], None], counts: Counter[str]) -> None:
        row = make_row()
        counts["later"] += 1
        try:
            function(row)
        except Exception as error:
            print(f"{Router.using}: {error!r}", flush=True)
            counts["failed"] += 1
        else:
            counts["lost"] += not self._look_up(row.id)


@contextmanager
def open_second(
    using: str, file: Path, server: Server | None
) -> Iterator[Callable[[uuid.UUID], bool]]:
    """Yield a function that looks a row up over the driver alone."""
    if server is None:
        sql = "SELECT 1 FROM ptrack_stats_open WHERE id = ?"
        with closing(sqlite3.connect(file)) as light:
            yield lambda key: bool(light.execute(sql, [key.hex]).fetchone())
        return
    import psycopg

    sql = "SELECT 1 FROM ptrack_stats_open WHERE id = %s"
    with psycopg.connect(server.url, autocommit=True) as heavy:
        yield lambda key: bool(heavy.execute(sql, [key]).fetchone())


def hurry(connection: Any, **_: Any) -> None:
    """Let SQLite not wait for the disk: else most signals come in that time."""
    if connection.vendor == "sqlite":
        connection.connection.execute("PRAGMA synchronous = OFF")


def set_up(databases: dict[str, Any]) -> None:
    """Configure a site with the databases, and make their tables."""
    settings.configure(
        INSTALLED_APPS=["ptrack", "ptrack.stats"],
        DATABASES={"default": {}, **databases},
        DATABASE_ROUTERS=[Router()],
        USE_TZ=True,
        PTRACK_SECRET="s" * 32,
    )
    django.setup()
    from django.core.management import call_command
    from django.db.backends.signals import connection_created

    connection_created.connect(hurry)

    for using in databases:
        call_command("migrate", database=using, verbosity=0)


def print_table(using: str, trial: Trial) -> bool:
    """Print what became of the rows; return whether all is well."""
    for case, counts in trial.counts.items():
        numbers = " | ".join(
            f"{counts[name]:,}"
            for name in ("interrupted", "completed", "later", "failed", "lost")
        )
        print(f"| {using} | {case} | {numbers} |", flush=True)
    return not any(each["failed"] + each["lost"] for each in trial.counts.values())


def main() -> int:
    """Interrupt rows, and print a table; return 1 if a later hit wasn't recorded."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak.interruptions", description=__doc__
    )
    parser.add_argument(
        "--rounds", type=int, default=1500, help="of each case and database"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    if problem := find_problem():
        parser.exit(1, f"A server is needed: {problem}\n")
    random.seed(options.seed)
    # What is dropped half-made is closed when Python deletes it, with a warning, and
    # some signals come just then.
    warnings.simplefilter("ignore", ResourceWarning)
    sys.unraisablehook = lambda _: None
    logging.disable()
    print(f"seed: {options.seed}\n")
    with ExitStack() as stack:
        stack.enter_context(end_on_signal())
        server = stack.enter_context(run_postgresql())
        place = stack.enter_context(tempfile.TemporaryDirectory())
        return run(server, Path(place, "db.sqlite3"), options.rounds)


def run(server: Server, file: Path, rounds: int) -> int:
    """Try both databases; return the exit code."""
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    set_up({"sqlite": sqlite, "postgresql": server.django()})
    print("| database | case | interrupted | completed | later hits | failed | lost |")
    print("|---|---|---:|---:|---:|---:|---:|", flush=True)
    timer, well = Timer(), True
    for using, its_server in (("sqlite", None), ("postgresql", server)):
        Router.using = using
        with open_second(using, file, its_server) as look_up:
            trial = Trial(timer, look_up)
            for _ in range(rounds):
                for case in CASES:
                    trial.interrupt(case)
        well &= print_table(using, trial)
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
