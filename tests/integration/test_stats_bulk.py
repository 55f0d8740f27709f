"""ptrack.opens.bulk: many threads, few transactions, and no row lost or doubled."""

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
import psycopg
import pytest
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from tests.processes import ROOT, WARNINGS, environment, run_python
from tests.stats.site import (
    ALIAS,
    Database,
    in_threads,
    new_id,
    on_postgresql,
    open_now,
)

pytestmark = pytest.mark.usefixtures("opens")


@pytest.fixture
def bulk() -> Any:
    from ptrack.opens import bulk

    return bulk


@pytest.fixture
def model() -> Any:
    from ptrack.opens.models import Open

    return Open


@contextmanager
def held(bulk: Any, model: Any):
    """Hold the one who writes, until the block ends, so that others queue."""
    original, going_on = bulk._insert, threading.Event()
    writing = threading.Event()

    def slow(rows: Any, using: str) -> None:
        bulk._insert = original
        writing.set()
        assert going_on.wait(30)
        original(rows, using)

    bulk._insert = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_threads, 1, lambda _: bulk.write(open_now(key="first")))
        assert writing.wait(30)
        yield bulk._writer(model, ALIAS)
        going_on.set()
        assert first.result(30) == [None]


def wait_for(queue: Any, waiting: int) -> None:
    """Wait until so many wait behind who writes."""
    count, deadline = waiting + 1, time.monotonic() + 30
    while len(queue) < count and time.monotonic() < deadline:
        time.sleep(0.002)
    assert len(queue) == count


@contextmanager
def each_line_of(function: Any, line: int) -> Iterator[list[int]]:
    """Have a signal come before a line of a function is run, once."""
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


def lines_of(function: Any) -> list[int]:
    first = function.__code__.co_firstlineno
    lines = {line for *_, line in function.__code__.co_lines()} - {None}
    return sorted(line for line in lines if line > first)


@contextmanager
def batches(bulk: Any, monkeypatch: pytest.MonkeyPatch):
    """Give the sizes of what is written."""
    sizes: list[int] = []
    original = bulk._insert

    def counting(rows: Any, using: str) -> None:
        sizes.append(len(rows))
        original(rows, using)

    monkeypatch.setattr(bulk, "_insert", counting)
    yield sizes
    monkeypatch.setattr(bulk, "_insert", original)


def test_a_row_is_committed_when_write_returns(bulk, model):
    row = open_now(key="ada", kwargs={"a": 1})
    bulk.write(row)
    # From another thread, so over another connection.
    (keys,) = in_threads(1, lambda _: list(model.objects.values_list("id", "kwargs")))
    assert keys == [(row.id, {"a": 1})]


def test_threads_that_write_at_once_share_a_transaction(bulk, model, monkeypatch):
    """Ten queue while one writes: all ten rows then go in one."""
    with batches(bulk, monkeypatch) as sizes, ThreadPoolExecutor(1) as pool:
        with held(bulk, model) as writer:
            rest = pool.submit(in_threads, 10, lambda n: bulk.write(open_now()))
            wait_for(writer._queue, 10)
        assert rest.result(30) == [None] * 10
    assert sizes == [1, 10]
    assert model.objects.count() == 11


def test_a_batch_has_a_limit(bulk, model, monkeypatch):
    """What is too much for one transaction goes in several, and all of it."""
    monkeypatch.setattr(bulk, "MOST", 4)
    with batches(bulk, monkeypatch) as sizes, ThreadPoolExecutor(1) as pool:
        with held(bulk, model) as writer:
            rest = pool.submit(in_threads, 10, lambda n: bulk.write(open_now()))
            wait_for(writer._queue, 10)
        assert rest.result(30) == [None] * 10
    assert sizes == [1, 4, 4, 2]
    assert model.objects.count() == 11


def test_under_load_nothing_is_lost(bulk, model):
    def write(number: int) -> None:
        for _ in range(25):
            bulk.write(open_now(key=str(number)))

    assert in_threads(16, write) == [None] * 16
    assert model.objects.count() == 400
    assert bulk._writer(model, ALIAS)._leader is None


def test_the_same_hit_twice_is_one_row(bulk, model):
    row_id = new_id()
    bulk.write(open_now(key="first"))
    for key in ("early", "late"):
        row = open_now(key=key)
        row.id = row_id
        bulk.write(row)
    assert list(model.objects.filter(id=row_id).values_list("key", flat=True)) == [
        "early"
    ]


def test_the_same_hit_from_eight_threads_is_one_row(bulk, model):
    row = open_now(key="ada")
    assert in_threads(8, lambda n: bulk.write(row)) == [None] * 8
    assert model.objects.count() == 1


PROCESS = """
import json, sys, threading
from django.conf import settings
given = json.loads(sys.argv[1])
settings.configure(
    INSTALLED_APPS=["ptrack", "ptrack.opens"],
    DATABASES={"default": given["database"]},
    USE_TZ=True, PTRACK_SECRET="s" * 32, PTRACK_OPENS_KEY="recipient",
)
import django; django.setup()
import datetime, uuid
from types import SimpleNamespace
from ptrack.hits import KEY, Hit
from ptrack.opens.recording import RecordOpen
print("ready", flush=True)
sys.stdin.readline()
for each in given["ids"]:
    at = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    request = SimpleNamespace(META={KEY: Hit(uuid.UUID(each), at)})
    RecordOpen().record(request, recipient=each)
from django.db import connection; connection.close()
"""


def test_the_same_hits_from_two_processes_are_one_row_each(opens: Database, model):
    """Each process records the same 50 hits, and both start at the same moment."""
    ids = [str(new_id()) for _ in range(50)]
    given = json.dumps({"database": opens.entry, "ids": ids})
    processes = [
        subprocess.Popen(
            [sys.executable, *WARNINGS, "-c", PROCESS, given],
            cwd=ROOT,
            env=environment(),
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


def test_in_a_transaction_a_row_is_written_by_that_alone(bulk, model):
    """It is gone with a rollback, and nobody else's row is in it."""

    def failing(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            bulk.write(open_now(key="undone"))
            raise LookupError

    (error,) = in_threads(1, failing)
    assert isinstance(error, LookupError)
    with transaction.atomic(using=ALIAS):
        bulk.write(open_now(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def test_in_a_transaction_a_row_that_cannot_be_written_leaves_it_whole(
    bulk, model, monkeypatch
):
    def failing(rows: Any, using: str) -> None:
        connections[using].cursor().execute("no SQL")

    with transaction.atomic(using=ALIAS):
        with monkeypatch.context() as patch:
            patch.setattr(bulk, "_insert", failing)
            with pytest.raises(DatabaseError):
                bulk.write(open_now())
        bulk.write(open_now(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def test_without_autocommit_a_row_is_the_callers_to_commit(bulk, model):
    def write(number: int) -> None:
        transaction.set_autocommit(False, using=ALIAS)
        bulk.write(open_now())
        transaction.rollback(using=ALIAS)

    assert in_threads(1, write) == [None]
    assert model.objects.count() == 0


def test_a_site_without_autocommit_commits_itself(bulk, monkeypatch):
    """Also where there is no connection yet."""
    is_so = bulk._is_the_callers_to_commit

    def write(number: int) -> bool:
        monkeypatch.setitem(connections[ALIAS].settings_dict, "AUTOCOMMIT", False)
        return is_so(connections[ALIAS])

    assert in_threads(1, write) == [True]
    monkeypatch.undo()
    assert in_threads(1, lambda _: is_so(connections[ALIAS])) == [False]


def test_a_row_that_cannot_be_written_takes_no_other_along(bulk, model):
    """Ten queue, one of them with what is no JSON."""

    def write(number: int) -> None:
        bulk.write(open_now(args=[object()] if number == 3 else [number]))

    with ThreadPoolExecutor(1) as pool:
        with held(bulk, model) as writer:
            rest = pool.submit(in_threads, 10, write)
            wait_for(writer._queue, 10)
        results = rest.result(30)
    assert isinstance(results.pop(3), TypeError)
    assert results == [None] * 9
    assert model.objects.count() == 10


def test_an_error_of_the_database_reaches_every_caller(bulk, model, monkeypatch):
    """Each raises one of its own, and it isn't tried with each row again."""
    tried = []

    def failing(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("database is locked")

    with ThreadPoolExecutor(1) as pool:
        with held(bulk, model) as writer:
            rest = pool.submit(in_threads, 5, lambda _: bulk.write(open_now()))
            wait_for(writer._queue, 5)
            monkeypatch.setattr(bulk, "_insert_anew", failing)
        results = rest.result(30)
    assert {type(error) for error in results} == {OperationalError}
    assert len({id(error) for error in results}) == 5
    assert tried == [5]
    assert model.objects.count() == 1


def test_a_limit_of_the_program_is_of_a_row(bulk):
    error = OperationalError()
    assert not bulk._is_of_a_row(error)
    error.__cause__ = psycopg.errors.ProgramLimitExceeded()
    assert bulk._is_of_a_row(error)


def test_a_thread_that_is_ended_leaves_the_others_to_go_on(bulk, model, monkeypatch):
    """A signal ends the one who writes, and the one who was next: the rest is kept."""
    writer = bulk._writer(model, ALIAS)

    def ending(rows: Any, using: str) -> None:
        monkeypatch.undo()
        raise SystemExit

    with ThreadPoolExecutor(1) as pool, held(bulk, model):
        rest = pool.submit(in_threads, 5, lambda n: ended(bulk, n))
        wait_for(writer._queue, 5)
        monkeypatch.setattr(bulk, "_insert_anew", ending)
    results = rest.result(30)
    assert sorted(results, key=str) == [None] * 4 + ["ended"]
    assert model.objects.count() == 5
    assert writer._leader is None


def ended(bulk: Any, number: int) -> str | None:
    try:
        bulk.write(open_now(key=str(number)))
    except SystemExit:
        return "ended"
    return None


@pytest.mark.parametrize("its_turn", [False, True])
def test_who_gives_up_waiting_lets_the_others_go_on(bulk, model, monkeypatch, its_turn):
    """A signal ends the waiting at once, or at the moment that it is its turn."""
    with ThreadPoolExecutor(2) as pool:
        with held(bulk, model) as writer:
            entry = bulk._Entry(open_now(key="given up"))
            entry.turn = Interrupted(its_turn)
            monkeypatch.setattr(bulk, "_Entry", lambda row: entry)
            first = pool.submit(writer.write, entry.row)
            wait_for(writer._queue, 1)
            monkeypatch.undo()
            next_one = open_now(key="next")
            second = pool.submit(in_threads, 1, lambda _: bulk.write(next_one))
            wait_for(writer._queue, 2)
            entry.turn.may_go.set()
        assert isinstance(first.exception(30), KeyboardInterrupt)
        assert second.result(30) == [None]
    assert set(model.objects.values_list("key", flat=True)) == {"first", "next"}
    assert writer._leader is None


SIGNALLED = """
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from django.conf import settings
settings.configure(INSTALLED_APPS=["ptrack", "ptrack.opens"], PTRACK_SECRET="s" * 32)
import django; django.setup()
from ptrack.opens.bulk import Writer, _Entry

def interrupt(*_):
    raise KeyboardInterrupt

def finished():
    entry = _Entry(None)
    entry.done = True
    return entry

def join_and_leave(writer):
    # What others have left behind makes the time under the guard long.
    writer._queue.extend(finished() for _ in range(50))
    entry = finished()
    writer._join(entry)
    writer._batch()
    writer._leave(entry)

def is_free(lock):
    return lock.acquire(blocking=False) and lock.release() is None

writer, another, free = Writer("default"), ThreadPoolExecutor(1), 0
signal.signal(signal.SIGALRM, interrupt)
for _ in range(300):
    with suppress(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
        while True:
            join_and_leave(writer)
    free += another.submit(is_free, writer._guard).result()
print(free)
"""


def test_signals_leave_no_lock_behind():
    """Python 3.13 skips the end of a "with" if one comes at a turn of a loop in it.

    Older ones don't, so a loop there is found by the matrix. Where coverage is
    measured, the signals would break that.
    """
    alone = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
    assert run_python(SIGNALLED, **alone) == "300\n"


def test_a_lock_left_behind_does_not_keep_its_own_thread_from_writing(bulk, model):
    """Python 3.14 may skip the end of "with" if a signal comes at its beginning."""
    writer = bulk.Writer(ALIAS)
    writer._guard.acquire()
    writer.write(open_now(key="ada"))
    assert list(model.objects.values_list("key", flat=True)) == ["ada"]


@pytest.mark.parametrize("name", ["write", "_join", "_batch", "_write", "_try"])
def test_a_signal_at_any_line_leaves_the_others_to_go_on(bulk, model, name: str):
    """As a time limit ends a task of Celery's, in a process that goes on."""
    function = getattr(bulk.Writer, name)
    interrupted = 0
    for line in lines_of(function):
        if "self._leave(" in linecache.getline(bulk.__file__, line):
            # What sets it right can't be sure of itself.
            break
        writer = bulk.Writer(ALIAS)
        with each_line_of(function, line) as came, suppress(KeyboardInterrupt):
            writer.write(open_now())
        interrupted += len(came)
        assert writer._leader is None, line
        writer.write(open_now())
    assert interrupted >= 2


def test_who_was_ended_before_it_could_leave_goes_on(bulk, model, monkeypatch):
    """By a second signal, say: its next row is written, with what had waited."""
    writer = bulk.Writer(ALIAS)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_leave", lambda entry: None)
        writer.write(open_now(key="first"))
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(writer.write, open_now(key="waits"))
        wait_for(writer._queue, 1)
        writer.write(open_now(key="second"))
        assert waits.result(30) is None
    keys = set(model.objects.values_list("key", flat=True))
    assert keys == {"first", "waits", "second"}
    assert writer._leader is None


def test_what_is_done_is_not_done_again(bulk, model, monkeypatch):
    """Who wrote it was ended before it could leave, with only some told."""
    writer = bulk.Writer(ALIAS)
    ended, done = bulk._Entry(open_now()), bulk._Entry(open_now())
    done.thread = 0
    writer._join(ended)
    writer._join(done)
    done.finish(None)
    with batches(bulk, monkeypatch) as sizes:
        writer.write(open_now(key="next"))
    assert sizes == [1]
    assert writer._leader is None


def test_who_has_given_up_does_not_lead_when_who_leads_is_ended(bulk, model):
    """Both were ended, one while it waited for the other: the next one goes on."""
    writer = bulk.Writer(ALIAS)
    leader, waiting = bulk._Entry(open_now()), bulk._Entry(open_now())
    waiting.thread = 0
    writer._join(leader)
    writer._join(waiting)
    assert writer._batch() == [leader, waiting]
    writer._leave(waiting)
    writer._leave(leader)
    assert writer._leader is None
    writer.write(open_now(key="next"))
    assert list(model.objects.values_list("key", flat=True)) == ["next"]


class Interrupted:
    """A turn whose waiting ends with a signal: before it has come, or as it comes."""

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
    """Have the server end the session of this thread."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with closing(connection.copy(ALIAS)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


@on_postgresql
def test_a_dead_connection_loses_nothing(bulk, model):
    """The server ends the session between two hits: the second one is kept too."""
    bulk.write(open_now(key="before"))
    kill_the_connection()
    bulk.write(open_now(key="after"))
    assert {row.key for row in model.objects.all()} == {"before", "after"}


@on_postgresql
def test_a_dead_connection_within_a_transaction_is_the_transactions_error(bulk, model):
    def write(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            bulk.write(open_now())
            kill_the_connection()
            bulk.write(open_now())

    (error,) = in_threads(1, write)
    assert isinstance(error, OperationalError | InterfaceError)
    assert model.objects.count() == 0


@on_postgresql
def test_a_pool_of_dead_connections_loses_nothing(opens: Database, bulk, model):
    """The server has ended all of them, and each is only found out when it is used."""
    if django.VERSION < (5, 1):
        pytest.skip("this Django has no pools")
    entry = {**opens.entry, "OPTIONS": {"pool": {"min_size": 4, "max_size": 4}}}
    configured = connections.configure_settings({"default": {}, "pooled": entry})
    connections.settings["pooled"] = configured["pooled"]
    connection = connections["pooled"]
    try:
        for number in range(7):
            bulk._insert_anew([open_now(key=str(number))], "pooled")
            # As at the end of a request.
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


def test_what_a_healthy_connection_refuses_is_tried_once(bulk, model, monkeypatch):
    """A lock that isn't to be had, say: it would be waited for again."""
    tried = []

    def failing(rows: Any, using: str) -> None:
        tried.append(connections[using].connection)
        raise OperationalError("lock timeout")

    bulk.write(open_now())
    monkeypatch.setattr(bulk, "_insert", failing)
    with pytest.raises(OperationalError, match="lock timeout"):
        bulk.write(open_now())
    assert tried == [connections[ALIAS].connection]
    assert tried[0] is not None


def test_dead_connections_come_to_an_end(bulk, model, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_DEAD", 3)
    monkeypatch.setattr(connections[ALIAS], "is_usable", lambda: False)
    tried = []

    def failing(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("dead")

    monkeypatch.setattr(bulk, "_insert", failing)
    with pytest.raises(OperationalError, match="dead"):
        bulk.write(open_now())
    assert tried == [1] * 4


def test_a_server_that_is_gone_is_an_error(bulk, model, monkeypatch):
    """Where there never was a connection, it isn't tried twice."""
    tried = []

    def failing(rows: Any, using: str) -> None:
        tried.append(len(rows))
        raise OperationalError("connection refused")

    monkeypatch.setattr(bulk, "_insert", failing)
    (error,) = in_threads(1, lambda _: bulk.write(open_now()))
    assert isinstance(error, OperationalError)
    assert tried == [1]


def test_alone_it_is_one_insert(bulk):
    """Nothing is asked before, and nothing read afterwards."""
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        bulk.write(open_now())
    inserts = [each["sql"] for each in queries if each["sql"].startswith("INSERT")]
    assert len(inserts) == 1
    assert len(queries) <= 3


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_child_process_starts_with_writers_of_its_own(bulk, model):
    """Else one that was forked while a thread wrote would wait for that for ever."""
    with held(bulk, model):
        pid = os.fork()
        if not pid:
            os._exit(len(bulk._writers))
        assert os.waitpid(pid, 0)[1] == 0
    assert bulk._writers
