"""Rows of ``ptrack.stats`` that an exception ends anywhere, as a time limit does."""

import gc
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, ClassVar

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.db import connections, transaction

import ptrack
from ptrack.background.celery import CeleryEngine
from ptrack.core.callbacks import Tracker
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.requests import PixelRequest
from tests.processes import PATIENCE, ROOT, make_environment
from tests.stats.site import ALIAS, Database, make_open
from tools.soak.processes import wait_until

# A connection that is dropped half-made is closed when Python deletes it.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    # Django 6.1 deletes a connection that was interrupted half-made in this way.
    "ignore:Exception ignored in. <function BaseDatabase"
    ":pytest.PytestUnraisableExceptionWarning",
)

FOLDERS = ("/django/db/", "/ptrack/stats/", "/psycopg/")
ITS_OWN = (
    "/ptrack/stats/",
    "/django/db/transaction.py",
    "/django/db/backends/utils.py",
)
MOMENTS = 60
"""Moments of a row that are tried, at most; a moment is a line in these folders."""


@pytest.fixture(autouse=True)
def _delete_dropped() -> Iterator[None]:
    yield
    gc.collect()


class InterruptionError(BaseException):
    """As a signal raises it."""


@contextmanager
def interrupt(moment: int, folders: tuple[str, ...] = FOLDERS) -> Iterator[list[int]]:
    """Raise an exception at a moment.

    Args:
        moment: The number of the line.
        folders: Those whose lines are counted.

    Yields:
        A list whose only number is that of the lines that have run.
    """
    lines = [0]

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if not any(each in frame.f_code.co_filename for each in folders):
            return None
        if event == "line":
            lines[0] += 1
            if lines[0] == moment:
                raise InterruptionError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


@contextmanager
def open_second(database: Database) -> Iterator[Callable[[uuid.UUID], bool]]:
    """Yield a function that looks a row up over another connection."""
    other = connections[ALIAS].copy(ALIAS)

    def is_committed(key: uuid.UUID) -> bool:
        value = key if database.vendor == "postgresql" else key.hex
        with other.cursor() as cursor:
            sql = "SELECT 1 FROM ptrack_stats_open WHERE id = %s"
            cursor.execute(sql, [value])
            return cursor.fetchone() is not None

    with closing(other):
        yield is_committed


@pytest.fixture
def prepare() -> Callable[[str], bool]:
    """Return a function that opens what a case needs, and returns ``in_request``."""
    from ptrack.stats.connections import close_idle

    def prepare_case(case: str) -> bool:
        connections[ALIAS].close()
        if case == "open":
            connections[ALIAS].ensure_connection()
        if case != "idle":
            close_idle()
        return case == "request"

    return prepare_case


@pytest.mark.parametrize("again", [False, True], ids=["once", "again"])
@pytest.mark.parametrize("case", ["idle", "new", "request", "open"])
def test_interrupted_row_changes_nothing_for_later_ones(
    stats: Database, prepare, monkeypatch, case: str, again: bool
):
    """The closing of the connection may be interrupted, too."""
    from ptrack.stats import connections as own
    from ptrack.stats.writing import write

    abandon = own.abandon

    def interrupt_again(connection: Any) -> None:
        monkeypatch.setattr(own, "abandon", abandon)
        raise InterruptionError

    write(make_open())
    in_request = prepare(case)
    with interrupt(0) as lines:
        write(make_open(), in_request)
    moments = range(1, lines[0] + 1, lines[0] // MOMENTS + 1)
    assert len(moments) > 30
    with open_second(stats) as is_committed:
        for moment in moments:
            in_request, row = prepare(case), make_open()
            if again:
                monkeypatch.setattr(own, "abandon", interrupt_again)
            with suppress(InterruptionError), interrupt(moment):
                write(row, in_request)
            monkeypatch.setattr(own, "abandon", abandon)
            later = make_open()
            write(later, in_request)
            assert is_committed(later.id), moment
            # A worker may get the same hit again.
            write(row)
            assert is_committed(row.id), moment
            check_transactions(is_committed)


def test_interrupted_row_in_a_transaction_lets_that_end(stats: Database):
    """The exception undoes it, as any other one does."""
    from ptrack.stats.writing import write

    moment, lines = 0, [0]
    with open_second(stats) as is_committed:
        while moment <= lines[0]:
            moment, row = moment + 1, make_open()
            # The rest of Django and the driver have locks, which the caller needs too.
            with (
                suppress(InterruptionError),
                transaction.atomic(ALIAS),
                interrupt(moment, ITS_OWN) as lines,
            ):
                write(row)
            assert not connections[ALIAS].in_atomic_block
            assert is_committed(row.id) == (moment > lines[0])
            check_transactions(is_committed)
    assert moment > 20


def check_transactions(is_committed: Callable[[uuid.UUID], bool]) -> None:
    """Write a row in a transaction that is committed, and one in another that isn't."""
    from ptrack.stats.writing import write

    kept, undone = make_open(), make_open()
    with transaction.atomic(ALIAS):
        write(kept)
        assert not is_committed(kept.id)
    assert is_committed(kept.id)
    with suppress(LookupError), transaction.atomic(ALIAS):
        write(undone)
        raise LookupError
    assert not is_committed(undone.id)


class Interrupted(ptrack.TrackingPixel):
    """Leaves what a time limit at the beginning or the end of `atomic` leaves."""

    background = True

    def record(self, request: Any, how: str) -> None:
        if how == "atomic":
            transaction.atomic(ALIAS).__enter__()
        elif how == "closed":
            transaction.atomic(ALIAS).__enter__()
            connections[ALIAS].close()
        else:
            transaction.set_autocommit(False, ALIAS)
        raise TimeoutError


class Connected(ptrack.TrackingPixel):
    """Uses the site's connection, and keeps Django's objects.

    Some versions of Celery close the driver's ones after each task.
    """

    background = True
    seen: ClassVar[list[Any]] = []

    def record(self, request: Any) -> None:
        connections[ALIAS].ensure_connection()
        self.seen.append(connections[ALIAS])


@pytest.fixture
def worked(own_tracker: Tracker) -> Iterator[CeleryEngine]:
    """Yield the engine of a worker that has these callbacks."""
    from ptrack.stats.recording import RecordOpen

    class RecordLater(RecordOpen):
        background = True

    callbacks = (Interrupted, RecordLater, Connected)
    app = Celery("interruptions", broker="memory://", set_as_current=False)
    app.conf.update(
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=False,
        CELERY_DB_REUSE_MAX=10_000,
    )
    app.conf.broker_transport_options = {"polling_interval": 0.1}
    for each in callbacks:
        own_tracker.register(each)
    with start_worker(app, perform_ping_check=False, shutdown_timeout=PATIENCE):
        yield CeleryEngine(app)
    for each in callbacks:
        own_tracker.unregister(each)


@pytest.mark.parametrize("how", ["atomic", "closed", "autocommit"])
def test_job_begins_in_no_transaction(
    stats: Database, own_tracker: Tracker, worked: CeleryEngine, how: str
):
    """A time limit may have left one of another callback, of the site's."""
    interrupted, later, _ = own_tracker.in_background
    for name, args in ((interrupted, [how]), (later, [])):
        hit = Hit(PIXEL, PixelRequest.blank("/"), args, {})
        worked.enqueue(write_job(name, hit))
    with open_second(stats) as is_committed:
        wait_until(lambda: is_committed(hit.id), PATIENCE, "no row")


def test_connection_in_no_transaction_stays(
    stats: Database, own_tracker: Tracker, worked: CeleryEngine
):
    Connected.seen.clear()
    *_, connected = own_tracker.in_background
    for _ in range(2):
        hit = Hit(PIXEL, PixelRequest.blank("/"), [], {})
        worked.enqueue(write_job(connected, hit))
    wait_until(lambda: len(Connected.seen) == 2, PATIENCE, "not both recorded")
    first, second = Connected.seen
    assert first is second


@pytest.mark.once
def test_rows_that_signals_interrupt_at_random():
    """The short form of the command."""
    # Coverage isn't measured: the signals would break that.
    alone = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tools.soak.interruptions", "--rounds", "40"],
        cwd=ROOT,
        env=make_environment(**alone),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n| postgresql |") == 4
