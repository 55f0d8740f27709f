"""ptrack.stats.bulk: many threads, few transactions, each row written once."""

import json
import linecache
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

import django
import pytest
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from tests.processes import ROOT, WARNINGS, make_environment, run_python
from tests.stats.site import (
    ALIAS,
    Database,
    make_id,
    make_open,
    on_postgresql,
    run_in_threads,
)

pytestmark = pytest.mark.usefixtures("stats")


@pytest.fixture
def bulk() -> Any:
    from ptrack.stats import bulk

    return bulk


@pytest.fixture
def model() -> Any:
    from ptrack.stats.models import Open

    return Open


@contextmanager
def hold_leader(bulk: Any, model: Any):
    """Let a leader write until the block ends, so that others queue."""
    original, going_on = bulk.insert, threading.Event()
    writing = threading.Event()

    def wait_and_insert(rows: Any, using: str) -> None:
        bulk.insert = original
        writing.set()
        assert going_on.wait(30)
        original(rows, using)

    bulk.insert = wait_and_insert
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            run_in_threads, 1, lambda _: bulk.write(make_open(key="first"))
        )
        assert writing.wait(30)
        yield bulk.find_writer(model, ALIAS)
        going_on.set()
        assert first.result(30) == [None]


def wait_for(queue: Any, waiting: int) -> None:
    """Wait until so many rows are in the queue behind the leader's."""
    count, deadline = waiting + 1, time.monotonic() + 30
    while len(queue) < count and time.monotonic() < deadline:
        time.sleep(0.002)
    assert len(queue) == count


@contextmanager
def interrupt_at(function: Any, line: int) -> Iterator[list[int]]:
    """Raise a signal's exception before a line of a function is run, once."""
    code, came = function.__code__, []

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code is not code:
            return None
        if event == "line" and frame.f_lineno == line and not came:
            came.append(line)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield came
    finally:
        sys.settrace(before)


def find_lines(function: Any) -> list[int]:
    first = function.__code__.co_firstlineno
    lines = {line for *_, line in function.__code__.co_lines()} - {None}
    return sorted(line for line in lines if line > first)


@contextmanager
def record_sizes(bulk: Any, monkeypatch: pytest.MonkeyPatch):
    """Yield a list that gets the number of rows of each transaction."""
    sizes: list[int] = []
    original = bulk.insert

    def count_and_insert(rows: Any, using: str) -> None:
        sizes.append(len(rows))
        original(rows, using)

    monkeypatch.setattr(bulk, "insert", count_and_insert)
    yield sizes
    monkeypatch.setattr(bulk, "insert", original)


def test_row_is_committed_when_write_returns(bulk, model):
    row = make_open(key="ada", kwargs={"a": 1})
    bulk.write(row)
    # Another thread has another connection.
    (keys,) = run_in_threads(
        1, lambda _: list(model.objects.values_list("id", "kwargs"))
    )
    assert keys == [(row.id, {"a": 1})]


def test_threads_that_write_at_once_share_a_transaction(bulk, model, monkeypatch):
    """Ten rows queue while one is written: then all ten are in one transaction."""
    with record_sizes(bulk, monkeypatch) as sizes, ThreadPoolExecutor(1) as pool:
        with hold_leader(bulk, model) as writer:
            rest = pool.submit(run_in_threads, 10, lambda n: bulk.write(make_open()))
            wait_for(writer.queue, 10)
        assert rest.result(30) == [None] * 10
    assert sizes == [1, 10]
    assert model.objects.count() == 11


def test_transaction_has_a_maximum_of_rows(bulk, model, monkeypatch):
    """More rows are written in several transactions."""
    monkeypatch.setattr(bulk, "MAX_ROWS", 4)
    with record_sizes(bulk, monkeypatch) as sizes, ThreadPoolExecutor(1) as pool:
        with hold_leader(bulk, model) as writer:
            rest = pool.submit(run_in_threads, 10, lambda n: bulk.write(make_open()))
            wait_for(writer.queue, 10)
        assert rest.result(30) == [None] * 10
    assert sizes == [1, 4, 4, 2]
    assert model.objects.count() == 11


def test_no_row_is_lost_under_load(bulk, model):
    def write(number: int) -> None:
        for _ in range(25):
            bulk.write(make_open(key=str(number)))

    assert run_in_threads(16, write) == [None] * 16
    assert model.objects.count() == 400
    assert bulk.find_writer(model, ALIAS).leader is None


def test_same_hit_twice_is_one_row(bulk, model):
    row_id = make_id()
    bulk.write(make_open(key="first"))
    for key in ("early", "late"):
        row = make_open(key=key)
        row.id = row_id
        bulk.write(row)
    assert list(model.objects.filter(id=row_id).values_list("key", flat=True)) == [
        "early"
    ]


def test_same_hit_from_eight_threads_is_one_row(bulk, model):
    row = make_open(key="ada")
    assert run_in_threads(8, lambda n: bulk.write(row)) == [None] * 8
    assert model.objects.count() == 1


PROCESS = """
import json, sys, threading
from django.conf import settings
given = json.loads(sys.argv[1])
settings.configure(
    INSTALLED_APPS=["ptrack", "ptrack.stats"],
    DATABASES={"default": given["database"]},
    USE_TZ=True, PTRACK_SECRET="s" * 32, PTRACK_STATS_KEY="recipient",
)
import django; django.setup()
import datetime, uuid
from types import SimpleNamespace
from ptrack import Hit
from ptrack.core.kinds import PIXEL
from ptrack.stats.recording import RecordOpen
print("ready", flush=True)
sys.stdin.readline()
for each in given["ids"]:
    hit = Hit(PIXEL, SimpleNamespace(META={}), (), {"recipient": each})
    hit.identify(uuid.UUID(each), datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))
    RecordOpen().record(*hit.arguments, **hit.kwargs)
from django.db import connection; connection.close()
"""


def test_same_hits_from_two_processes_are_one_row_each(stats: Database, model):
    """Each process records the same 50 hits, and both start at the same moment."""
    ids = [str(make_id()) for _ in range(50)]
    given = json.dumps({"database": stats.entry, "ids": ids})
    processes = [
        subprocess.Popen(
            [sys.executable, *WARNINGS, "-c", PROCESS, given],
            cwd=ROOT,
            env=make_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    found = {str(key): name for key, name in model.objects.values_list("id", "key")}
    assert found == {each: each for each in ids}


def test_row_in_a_transaction_is_part_of_that(bulk, model):
    """A rollback removes it, and no other row."""

    def fail(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            bulk.write(make_open(key="undone"))
            raise LookupError

    (error,) = run_in_threads(1, fail)
    assert isinstance(error, LookupError)
    with transaction.atomic(using=ALIAS):
        bulk.write(make_open(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def test_transaction_goes_on_after_a_row_that_cannot_be_written(
    bulk, model, monkeypatch
):
    def fail(rows: Any, using: str) -> None:
        connections[using].cursor().execute("no SQL")

    with transaction.atomic(using=ALIAS):
        with monkeypatch.context() as patch:
            patch.setattr(bulk, "insert", fail)
            with pytest.raises(DatabaseError):
                bulk.write(make_open())
        bulk.write(make_open(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def leave_autocommit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch autocommit off over the present connection."""
    transaction.set_autocommit(False, using=ALIAS)


def configure_no_autocommit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch autocommit off in the settings, before there is a connection."""
    monkeypatch.setitem(connections[ALIAS].settings_dict, "AUTOCOMMIT", False)


@pytest.mark.parametrize("prepare", [leave_autocommit, configure_no_autocommit])
def test_caller_without_autocommit_commits_itself(bulk, model, monkeypatch, prepare):
    """Its row doesn't wait for the leader, and isn't in the leader's transaction."""

    def write(number: int) -> None:
        prepare(monkeypatch)
        bulk.write(make_open())
        transaction.rollback(using=ALIAS)

    with hold_leader(bulk, model):
        assert run_in_threads(1, write) == [None]
    assert [row.key for row in model.objects.all()] == ["first"]


def test_only_the_bad_row_is_refused(bulk, model):
    """Ten rows queue, and one of them isn't JSON."""

    def write(number: int) -> None:
        bulk.write(make_open(args=[object()] if number == 3 else [number]))

    with ThreadPoolExecutor(1) as pool:
        with hold_leader(bulk, model) as writer:
            rest = pool.submit(run_in_threads, 10, write)
            wait_for(writer.queue, 10)
        results = rest.result(30)
    assert isinstance(results.pop(3), TypeError)
    assert results == [None] * 9
    assert model.objects.count() == 10


def test_error_of_the_database_reaches_every_caller(bulk, model, monkeypatch):
    """Each caller raises a copy, and the rows aren't tried one by one."""
    tried = []

    def fail(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("database is locked")

    with ThreadPoolExecutor(1) as pool:
        with hold_leader(bulk, model) as writer:
            rest = pool.submit(run_in_threads, 5, lambda _: bulk.write(make_open()))
            wait_for(writer.queue, 5)
            monkeypatch.setattr(bulk, "insert_or_reconnect", fail)
        results = rest.result(30)
    assert {type(error) for error in results} == {OperationalError}
    assert len({id(error) for error in results}) == 5
    assert tried == [5]
    assert model.objects.count() == 1


@on_postgresql
def test_only_the_row_beyond_a_limit_of_postgresql_is_refused(bulk, model):
    """Drivers call that error operational, as if the database were the cause."""

    def write(number: int) -> None:
        depth = 900 if number == 3 else 1
        bulk.write(make_open(args=json.loads("[" * depth + "]" * depth)))

    with ThreadPoolExecutor(1) as pool, limit_stack("100kB"):
        with hold_leader(bulk, model) as writer:
            rest = pool.submit(run_in_threads, 10, write)
            wait_for(writer.queue, 10)
        results = rest.result(30)
    error = results.pop(3)
    assert isinstance(error, OperationalError)
    assert "stack depth limit exceeded" in str(error)
    assert results == [None] * 9
    assert model.objects.count() == 10


@contextmanager
def limit_stack(size: str) -> Iterator[None]:
    """Limit the stack of new sessions, so that little nesting is too much."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"ALTER DATABASE postgres SET max_stack_depth = '{size}'")
        try:
            yield
        finally:
            cursor.execute("ALTER DATABASE postgres RESET max_stack_depth")


def test_thread_that_a_signal_ends_lets_the_others_go_on(bulk, model, monkeypatch):
    """A signal ends the next leader: the rows of all others are kept."""
    writer = bulk.find_writer(model, ALIAS)

    def end(rows: Any, using: str) -> None:
        monkeypatch.undo()
        raise SystemExit

    with ThreadPoolExecutor(1) as pool, hold_leader(bulk, model):
        rest = pool.submit(run_in_threads, 5, lambda n: write_or_end(bulk, n))
        wait_for(writer.queue, 5)
        monkeypatch.setattr(bulk, "insert_or_reconnect", end)
    results = rest.result(30)
    assert sorted(results, key=str) == [None] * 4 + ["ended"]
    assert model.objects.count() == 5
    assert writer.leader is None


def write_or_end(bulk: Any, number: int) -> str | None:
    try:
        bulk.write(make_open(key=str(number)))
    except SystemExit:
        return "ended"
    return None


@pytest.mark.parametrize("its_turn", [False, True])
def test_thread_that_no_longer_waits_lets_the_others_go_on(
    bulk, model, monkeypatch, its_turn
):
    """A signal ends the waiting at once, or when it is the thread's turn."""
    with ThreadPoolExecutor(2) as pool:
        with hold_leader(bulk, model) as writer:
            entry = bulk.Entry(make_open(key="given up"))
            entry.turn = Interrupted(its_turn)
            monkeypatch.setattr(bulk, "Entry", lambda row: entry)
            first = pool.submit(writer.write, entry.row)
            wait_for(writer.queue, 1)
            monkeypatch.undo()
            next_one = make_open(key="next")
            second = pool.submit(run_in_threads, 1, lambda _: bulk.write(next_one))
            wait_for(writer.queue, 2)
            entry.turn.may_go.set()
        assert isinstance(first.exception(30), KeyboardInterrupt)
        assert second.result(30) == [None]
    assert set(model.objects.values_list("key", flat=True)) == {"first", "next"}
    assert writer.leader is None


SIGNALLED = """
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from django.conf import settings
settings.configure(INSTALLED_APPS=["ptrack", "ptrack.stats"], PTRACK_SECRET="s" * 32)
import django; django.setup()
from ptrack.stats.bulk import Writer, Entry

def interrupt(*_):
    raise KeyboardInterrupt

def make_finished_entry():
    entry = Entry(None)
    entry.done = True
    return entry

def join_and_leave(writer):
    # With finished entries in the queue, the guard is held for longer.
    writer.queue.extend(make_finished_entry() for _ in range(50))
    entry = make_finished_entry()
    writer.join(entry)
    writer.take_batch()
    writer.leave(entry)

def is_free(lock):
    return lock.acquire(blocking=False) and lock.release() is None

writer, another, free = Writer("default"), ThreadPoolExecutor(1), 0
signal.signal(signal.SIGALRM, interrupt)
for _ in range(300):
    with suppress(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
        while True:
            join_and_leave(writer)
    free += another.submit(is_free, writer.guard).result()
print(free)
"""


def test_signals_leave_no_lock_behind():
    """Python 3.13 skips the end of a "with" if a signal comes in a loop in it.

    Older ones don't. Coverage isn't measured here: the signals would break that.
    """
    alone = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    assert run_python(SIGNALLED, **alone) == "300\n"


def test_thread_that_left_a_lock_behind_can_write(bulk, model):
    """Python 3.14 may skip the end of a "with" if a signal comes at its beginning."""
    writer = bulk.Writer(ALIAS)
    writer.guard.acquire()
    writer.write(make_open(key="ada"))
    assert list(model.objects.values_list("key", flat=True)) == ["ada"]


@pytest.mark.parametrize(
    "name", ["write", "join", "take_batch", "write_all", "try_to_write"]
)
def test_signal_at_any_line_lets_the_others_go_on(bulk, model, name: str):
    """A time limit of Celery's ends a task like this, and the process goes on."""
    function = getattr(bulk.Writer, name)
    interrupted = 0
    for line in find_lines(function):
        if "self.leave(" in linecache.getline(bulk.__file__, line):
            # From here on, the thread puts the queue right when it writes again.
            break
        writer = bulk.Writer(ALIAS)
        with interrupt_at(function, line) as came, suppress(KeyboardInterrupt):
            writer.write(make_open())
        interrupted += len(came)
        assert writer.leader is None, line
        writer.write(make_open())
    assert interrupted >= 2


def test_thread_that_could_not_leave_can_write_again(bulk, model, monkeypatch):
    """A second signal may prevent it. Its next row is written, and all that wait."""
    writer = bulk.Writer(ALIAS)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "leave", lambda entry: None)
        writer.write(make_open(key="first"))
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(writer.write, make_open(key="waits"))
        wait_for(writer.queue, 1)
        writer.write(make_open(key="second"))
        assert waits.result(30) is None
    keys = set(model.objects.values_list("key", flat=True))
    assert keys == {"first", "waits", "second"}
    assert writer.leader is None


def test_finished_row_is_not_written_again(bulk, model, monkeypatch):
    """A signal ended the leader when it had finished some entries."""
    writer = bulk.Writer(ALIAS)
    ended, done = bulk.Entry(make_open()), bulk.Entry(make_open())
    done.thread = 0
    writer.join(ended)
    writer.join(done)
    done.finish(None)
    with record_sizes(bulk, monkeypatch) as sizes:
        writer.write(make_open(key="next"))
    assert sizes == [1]
    assert writer.leader is None


def test_thread_that_no_longer_waits_does_not_become_leader(bulk, model):
    """A signal ended two threads, one while it waited for the other."""
    writer = bulk.Writer(ALIAS)
    leader, waiting = bulk.Entry(make_open()), bulk.Entry(make_open())
    waiting.thread = 0
    writer.join(leader)
    writer.join(waiting)
    assert writer.take_batch() == [leader, waiting]
    writer.leave(waiting)
    writer.leave(leader)
    assert writer.leader is None
    writer.write(make_open(key="next"))
    assert list(model.objects.values_list("key", flat=True)) == ["next"]


class Interrupted:
    """A turn whose wait a signal ends, before the turn comes or when it does."""

    def __init__(self, its_turn: bool) -> None:
        self.may_go = threading.Event()
        self._comes = threading.Event()
        self._its_turn = its_turn

    def acquire(self) -> None:
        assert self.may_go.wait(30)
        assert not self._its_turn or self._comes.wait(30)
        raise KeyboardInterrupt

    def release(self) -> None:
        self._comes.set()


def kill_the_connection() -> None:
    """Let the server end the session of this thread."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with closing(connection.copy(ALIAS)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


@on_postgresql
def test_dead_connection_loses_no_row(bulk, model):
    """The server ends the session between two hits."""
    bulk.write(make_open(key="before"))
    kill_the_connection()
    bulk.write(make_open(key="after"))
    assert {row.key for row in model.objects.all()} == {"before", "after"}


@on_postgresql
def test_dead_connection_in_a_transaction_is_an_error(bulk, model):
    def write(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            bulk.write(make_open())
            kill_the_connection()
            bulk.write(make_open())

    (error,) = run_in_threads(1, write)
    assert isinstance(error, OperationalError | InterfaceError)
    assert model.objects.count() == 0


@on_postgresql
def test_pool_of_dead_connections_loses_no_row(stats: Database, bulk, model):
    """The server has ended all of them; only the use of each one shows it."""
    if django.VERSION < (5, 1):
        pytest.skip("this Django has no pools")
    entry = {**stats.entry, "OPTIONS": {"pool": {"min_size": 4, "max_size": 4}}}
    configured = connections.configure_settings({"default": {}, "pooled": entry})
    connections.settings["pooled"] = configured["pooled"]
    connection = connections["pooled"]
    try:
        for number in range(7):
            bulk.insert_or_reconnect([make_open(key=str(number))], "pooled")
            # Django does so at the end of a request.
            connection.close()
            if number == 0:
                with connections[ALIAS].cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND backend_type = %s",
                        ["client backend"],
                    )
        assert model.objects.count() == 7
    finally:
        connection.close()
        connection.close_pool()
        del connections["pooled"], connections.settings["pooled"]


def test_error_over_a_healthy_connection_is_raised_at_once(bulk, model, monkeypatch):
    """A second attempt could wait for the same lock again, for example."""
    tried = []

    def fail(rows: Any, using: str) -> None:
        tried.append(connections[using].connection)
        raise OperationalError("lock timeout")

    bulk.write(make_open())
    monkeypatch.setattr(bulk, "insert", fail)
    with pytest.raises(OperationalError, match="lock timeout"):
        bulk.write(make_open())
    assert tried == [connections[ALIAS].connection]
    assert tried[0] is not None


def test_dead_connections_are_replaced_up_to_a_maximum(bulk, model, monkeypatch):
    monkeypatch.setattr(bulk, "MAX_DEAD", 3)
    monkeypatch.setattr(connections[ALIAS], "is_usable", lambda: False)
    tried = []

    def fail(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("dead")

    monkeypatch.setattr(bulk, "insert", fail)
    with pytest.raises(OperationalError, match="dead"):
        bulk.write(make_open())
    assert tried == [1] * 4


def test_missing_server_is_an_error(bulk, model, monkeypatch):
    """Without a connection before, it isn't tried twice."""
    tried = []

    def fail(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("connection refused")

    monkeypatch.setattr(bulk, "insert", fail)
    (error,) = run_in_threads(1, lambda _: bulk.write(make_open()))
    assert isinstance(error, OperationalError)
    assert tried == [1]


def test_row_alone_is_one_insert(bulk):
    """There is no query before it, and none after it."""
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        bulk.write(make_open())
    inserts = [each["sql"] for each in queries if each["sql"].startswith("INSERT")]
    assert len(inserts) == 1
    assert len(queries) <= 3


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_child_process_has_writers_of_its_own(bulk, model):
    """A copy of a writer would wait for a thread that isn't in the child."""
    with hold_leader(bulk, model):
        pid = os.fork()
        if not pid:
            os._exit(len(bulk.writers))
        assert os.waitpid(pid, 0)[1] == 0
    assert bulk.writers
