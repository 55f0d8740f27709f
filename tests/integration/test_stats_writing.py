"""ptrack.stats.writing and .connections: each row is committed, on few connections."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import django
import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from tests.processes import ROOT, WARNINGS, make_environment
from tests.stats.site import (
    ALIAS,
    Database,
    make_id,
    make_open,
    on_postgresql,
    run_in_threads,
)

pytestmark = pytest.mark.usefixtures("stats")


def write(row: Any, in_request: bool = False) -> None:
    from ptrack.stats import writing

    writing.write(row, in_request)


@pytest.fixture
def own() -> Iterator[Any]:
    """Yield the module of own connections, without one that is idle."""
    from ptrack.stats import connections as module

    module.close_idle()
    # Django's connection of this thread would be used if it was open.
    connections[ALIAS].close()
    yield module
    module.close_idle()


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """Yield a list that gets each connection that is opened."""
    found: list[Any] = []

    def add(connection: Any, **_: Any) -> None:
        found.append(connection)

    connection_created.connect(add)
    yield found
    connection_created.disconnect(add)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that gets the pauses; only the clock goes on in them."""
    from ptrack.stats import writing

    taken: list[float] = []

    class Clock:
        sleep = staticmethod(taken.append)

        @staticmethod
        def monotonic() -> float:
            return sum(taken)

    monkeypatch.setattr(writing, "time", Clock)
    return taken


@pytest.fixture
def model() -> Any:
    from ptrack.stats.models import Open

    return Open


def test_row_is_committed_when_write_returns(model):
    row = make_open(key="ada", kwargs={"a": 1})
    write(row)
    # Another thread has another connection.
    (keys,) = run_in_threads(
        1, lambda _: list(model.objects.values_list("id", "kwargs"))
    )
    assert keys == [(row.id, {"a": 1})]


def test_no_row_is_lost_under_load(model):
    def write_some(number: int) -> None:
        for _ in range(25):
            write(make_open(key=str(number)))

    assert run_in_threads(16, write_some) == [None] * 16
    assert model.objects.count() == 400


def test_same_hit_twice_is_one_row(model):
    row_id = make_id()
    write(make_open(key="first"))
    for key in ("early", "late"):
        row = make_open(key=key)
        row.id = row_id
        write(row)
    assert list(model.objects.filter(id=row_id).values_list("key", flat=True)) == [
        "early"
    ]


def test_same_hit_from_eight_threads_is_one_row(model):
    row = make_open(key="ada")
    assert run_in_threads(8, lambda n: write(row)) == [None] * 8
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


def test_row_in_a_transaction_is_part_of_that(model):
    """A rollback removes it, and no other row."""

    def fail(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            write(make_open(key="undone"))
            raise LookupError

    (error,) = run_in_threads(1, fail)
    assert isinstance(error, LookupError)
    with transaction.atomic(using=ALIAS):
        write(make_open(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def leave_autocommit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch autocommit off over the present connection."""
    transaction.set_autocommit(False, using=ALIAS)


def configure_no_autocommit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch autocommit off in the settings, before there is a connection."""
    monkeypatch.setitem(connections[ALIAS].settings_dict, "AUTOCOMMIT", False)


@contextmanager
def limit_stack(size: str) -> Iterator[None]:
    """Limit the stack of new sessions, so that little nesting is too much."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"ALTER DATABASE postgres SET max_stack_depth = '{size}'")
        try:
            yield
        finally:
            cursor.execute("ALTER DATABASE postgres RESET max_stack_depth")


def kill_the_connection() -> None:
    """Let the server end the session of this thread."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with closing(connection.copy(ALIAS)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


@on_postgresql
def test_dead_connection_loses_no_row(model):
    """The server ends the session between two hits."""
    write(make_open(key="before"))
    kill_the_connection()
    write(make_open(key="after"))
    assert {row.key for row in model.objects.all()} == {"before", "after"}


@on_postgresql
def test_dead_connection_in_a_transaction_is_an_error(model):
    def write_two(number: int) -> None:
        with transaction.atomic(using=ALIAS):
            write(make_open())
            kill_the_connection()
            write(make_open())

    (error,) = run_in_threads(1, write_two)
    assert isinstance(error, OperationalError | InterfaceError)
    assert model.objects.count() == 0


def fail_in_sql(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> None:
    """Let an insert fail: in SQL, or with an error."""
    from ptrack.stats import writing

    def prepare(row: Any, field: Any, connection: Any) -> Any:
        if error is not None:
            raise error
        connection.cursor().execute("no SQL")

    monkeypatch.setattr(writing, "_prepare", prepare)


def test_transaction_goes_on_after_a_row_that_cannot_be_written(model, monkeypatch):
    with transaction.atomic(using=ALIAS):
        with monkeypatch.context() as patch:
            fail_in_sql(patch, None)
            with pytest.raises(DatabaseError):
                write(make_open())
        write(make_open(key="kept"))
    assert [row.key for row in model.objects.all()] == ["kept"]


def test_same_hit_twice_in_a_transaction_is_one_row(model):
    row = make_open()
    with transaction.atomic(using=ALIAS):
        write(row)
        write(row)
        write(make_open())
    assert model.objects.count() == 2


@pytest.mark.parametrize("prepare", [leave_autocommit, configure_no_autocommit])
def test_caller_without_autocommit_commits_itself(model, monkeypatch, prepare):
    """A failure undoes its row alone there too."""

    def write_two(number: int) -> None:
        prepare(monkeypatch)
        row = make_open()
        write(row)
        with pytest.raises(IntegrityError):
            write(make_open(user_agent=None))
        if number:
            transaction.commit(using=ALIAS)
        transaction.rollback(using=ALIAS)

    assert run_in_threads(2, write_two) == [None] * 2
    assert model.objects.count() == 1


@pytest.mark.parametrize("in_request", [False, True])
def test_row_that_the_table_refuses_is_an_error(model, own, in_request):
    """The next one is written."""
    for _ in range(2):
        with pytest.raises(IntegrityError):
            write(make_open(user_agent=None), in_request)
        with pytest.raises(TypeError):
            write(make_open(args=[object()]), in_request)
        write(make_open(), in_request)
    assert model.objects.count() == 2


@on_postgresql
def test_row_beyond_a_limit_of_postgresql_is_an_error_at_once(model, own, sleeps):
    """Drivers call that error operational, as if the database were the cause."""
    deep = make_open(args=json.loads("[" * 900 + "]" * 900))
    with limit_stack("100kB"):
        (error,) = run_in_threads(1, lambda _: write(deep))
    assert isinstance(error, OperationalError)
    assert "stack depth limit exceeded" in str(error)
    assert sleeps == []


def test_error_over_a_healthy_connection_is_raised_at_once(
    model, own, monkeypatch, sleeps
):
    """A second attempt could wait for the same lock again, for example."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    fail_in_sql(monkeypatch, OperationalError("lock timeout"))
    with pytest.raises(OperationalError, match="lock timeout"):
        write(make_open())
    assert sleeps == []
    # Its session may have locks or settings of the caller.
    assert connections[ALIAS] is connection
    assert connection.connection is not None


def test_row_is_one_insert(own):
    """There is no query before it, and none after it."""
    with CaptureQueriesContext(connections[ALIAS]) as queries:
        write(make_open())
    assert [each["sql"].split()[0] for each in queries] == ["INSERT"]


# -- own connections ------------------------------------------------------------------


def test_rows_share_a_connection(own, opened, monkeypatch):
    """Even if Django keeps none, as by default (CONN_MAX_AGE)."""
    assert connections[ALIAS].settings_dict["CONN_MAX_AGE"] == 0
    for _ in range(5):
        write(make_open())
        django.db.close_old_connections()
    # Another thread takes it too.
    assert run_in_threads(1, lambda _: write(make_open())) == [None]
    assert len(opened) == 1
    assert connections[ALIAS].connection is None


@pytest.mark.parametrize("django_opens", [False, True])
def test_request_of_django_uses_its_connection(own, opened, django_opens):
    """Django closes it after the request."""
    from ptrack.stats.recording import RecordClick, RecordOpen

    if django_opens:
        connections[ALIAS].ensure_connection()
    RecordOpen().record(HttpRequest(), a=1)
    RecordClick().record(HttpRequest(), "https://example.com/", a=1)
    assert opened == [connections[ALIAS]]
    assert connections[ALIAS].connection is not None


def test_open_connection_of_django_is_used(own, opened):
    connections[ALIAS].ensure_connection()
    write(make_open())
    assert opened == [connections[ALIAS]]


def test_threads_that_write_at_once_have_a_connection_each(model, own, opened):
    inside = threading.Barrier(5)

    def wait(connection: Any, **_: Any) -> None:
        inside.wait(30)

    connection_created.connect(wait)
    try:
        assert run_in_threads(5, lambda _: write(make_open())) == [None] * 5
    finally:
        connection_created.disconnect(wait)
    assert len(opened) == 5
    assert model.objects.count() == 5


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_idle_connection_is_closed(own, opened, monkeypatch):
    """The thread that closes ends after that, and another one does it next time."""
    monkeypatch.setattr(own, "IDLE", 0.1)
    for number in range(2):
        write(make_open())
        assert len(opened) == number + 1
        last = opened[-1]
        assert last.connection is not None
        wait_until(lambda last=last: last.connection is None)
        wait_until(lambda: not find_closers())


def find_closers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "ptrack-stats"]


def test_connection_in_use_is_not_closed(own, opened, monkeypatch):
    """Its row waits for a lock, say."""
    monkeypatch.setattr(own, "IDLE", 0.1)
    write(make_open())
    connection = own.take(ALIAS)
    time.sleep(0.3)
    assert opened == [connection]
    assert connection.connection is not None
    own.put_back(connection)
    wait_until(lambda: connection.connection is None)


def test_connection_that_comes_at_the_last_moment_is_closed(own, monkeypatch):
    """It is put back when the thread that closes has found none, and will end."""
    monkeypatch.setattr(own, "IDLE", 0.1)
    late = own.take(ALIAS)
    late.ensure_connection()
    looked = []

    class Idle(dict):
        def values(self) -> Any:
            looked.append(len(looked))
            if len(looked) == 3:
                self["late"] = own.deque([(time.monotonic(), late)])
            return super().values()

    idle = Idle(first=own.deque())
    monkeypatch.setattr(own, "_idle", idle)
    own._close_idle()
    assert late.connection is None
    assert len(looked) > 3


def test_row_is_kept_if_there_are_too_many_threads(own, model, monkeypatch):
    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    wait_until(lambda: not find_closers())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        write(make_open())
    write(make_open())
    assert model.objects.count() == 2
    assert len(find_closers()) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_child_process_leaves_the_connections_of_its_parent_alone(own, opened, model):
    write(make_open(key="parent"))
    pid = os.fork()
    if not pid:
        with suppress(BaseException):
            write(make_open(key="child"))
            own.close_idle()
            os._exit(0 if len(opened) == 2 else 2)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    write(make_open(key="parent"))
    assert len(opened) == 1
    keys = sorted(model.objects.values_list("key", flat=True))
    assert keys == ["child", "parent", "parent"]


def test_inherited_connection_is_neither_used_nor_deleted(own, opened):
    """Deleting it would end the parent's session, with some drivers."""
    write(make_open())
    own.start(own.take(ALIAS))
    own._forget()
    own.close_interrupted()
    own.close_idle()
    write(make_open())
    assert len(opened) == 2
    assert opened[0].connection is not None
    assert opened[0] in own._inherited
    for connection in own._inherited:
        own.close(connection)
    own._inherited.clear()


@pytest.fixture
def pooled(stats: Database):
    """The database with a pool of Django's, of one place."""
    if django.VERSION < (5, 1):
        pytest.skip("this Django has no pools")
    entry = {**stats.entry, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1}}}
    before = connections.settings[ALIAS]
    configured = connections.configure_settings({"default": {}, ALIAS: entry})
    connections[ALIAS].close()
    connections.settings[ALIAS] = configured[ALIAS]
    del connections[ALIAS]
    yield
    connections[ALIAS].close()
    connections[ALIAS].close_pool()
    connections.settings[ALIAS] = before
    del connections[ALIAS]


@on_postgresql
@pytest.mark.usefixtures("pooled")
def test_own_connections_take_no_place_of_djangos_pool(own, model, opened):
    with connections[ALIAS].cursor():
        # The only place is taken.
        assert run_in_threads(2, lambda _: write(make_open())) == [None] * 2
    connections[ALIAS].close()
    assert model.objects.count() == 2
    assert any("pool" not in each.settings_dict["OPTIONS"] for each in opened)


@on_postgresql
@pytest.mark.usefixtures("pooled")
def test_pool_of_django_gets_the_connection_of_a_request_back(own, model):
    for _ in range(3):
        write(make_open(), in_request=True)
        connections[ALIAS].close()
    with pytest.raises(TypeError):
        write(make_open(args=[object()]), in_request=True)
    write(make_open(), in_request=True)
    assert model.objects.count() == 4


def end_sessions(stats: Database) -> None:
    """Let the server end all sessions but the one that asks for it."""
    run_elsewhere(
        stats,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )


def run_elsewhere(stats: Database, sql: str) -> None:
    """Run SQL over a connection to another database of the server."""
    entry = {**stats.entry, "NAME": "template1"}
    given = connections.configure_settings({"default": {}, ALIAS: entry})
    other = type(connections[ALIAS])(given[ALIAS], ALIAS)
    with closing(other), other.cursor() as cursor:
        cursor.execute(sql)


def allow_connections(stats: Database, allowed: bool) -> None:
    name = stats.entry["NAME"]
    run_elsewhere(stats, f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")


@on_postgresql
def test_dead_idle_connections_are_replaced_at_once(stats, own, model, sleeps):
    held = [own.take(ALIAS) for _ in range(3)]
    for connection in held:
        connection.ensure_connection()
        own.put_back(connection)
    end_sessions(stats)
    write(make_open())
    assert sleeps == []
    assert model.objects.count() == 1


@on_postgresql
def test_row_waits_for_a_server_that_refuses_connections(stats, own, model):
    """As one that restarts does."""
    allow_connections(stats, False)
    try:
        end_sessions(stats)
        again = threading.Timer(1.0, allow_connections, (stats, True))
        again.start()
        before = time.monotonic()
        write(make_open())
        assert time.monotonic() - before >= 0.9
        again.join()
    finally:
        allow_connections(stats, True)
    assert model.objects.count() == 1


# -- without a connection -------------------------------------------------------------


class Refusal:
    """Refuses so many attempts to connect, as a server that has too many clients."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.attempts = 0
        original = type(connections[ALIAS]).get_new_connection

        def connect(wrapper: Any, parameters: Any) -> Any:
            self.attempts += 1
            if self.left:
                self.left -= 1
                raise wrapper.Database.OperationalError("too many clients already")
            return original(wrapper, parameters)

        monkeypatch.setattr(type(connections[ALIAS]), "get_new_connection", connect)


@pytest.fixture
def refusal(own: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusal]:
    from ptrack.stats import writing

    yield Refusal(monkeypatch)
    writing._unreachable.clear()


@pytest.mark.parametrize("in_request", [False, True])
def test_row_waits_for_a_connection(model, refusal, sleeps, in_request):
    refusal.left = 6
    write(make_open(), in_request)
    assert sleeps == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5]
    assert model.objects.count() == 1


def test_row_takes_a_connection_that_another_thread_puts_back(
    model, own, refusal, sleeps, monkeypatch
):
    connection = own.take(ALIAS)
    connection.ensure_connection()
    refusal.left = 1_000_000
    original = own.take

    def put_back_and_take(using: str) -> Any:
        if len(sleeps) == 2:
            own.put_back(connection)
        return original(using)

    monkeypatch.setattr(own, "take", put_back_and_take)
    write(make_open())
    assert len(sleeps) == 2
    refusal.left = 0
    assert model.objects.count() == 1


def test_row_is_given_up_after_some_time(model, own, refusal, sleeps):
    """The next ones are tried once, until one is written."""
    from ptrack.stats import writing

    refusal.left = 1_000_000
    with pytest.raises(OperationalError, match="too many clients") as failure:
        write(make_open())
    assert failure.value.__context__ is failure.value.__cause__
    assert writing.PATIENCE - writing.PAUSES[1] < sum(sleeps) <= writing.PATIENCE
    refusal.attempts = 0
    del sleeps[:]
    for _ in range(3):
        with pytest.raises(OperationalError):
            write(make_open())
    assert refusal.attempts == 3
    assert sleeps == []
    refusal.left = 0
    write(make_open())
    own.close_idle()
    refusal.left = 2
    write(make_open())
    assert len(sleeps) == 2
    refusal.left = 0
    assert model.objects.count() == 2


def test_row_that_is_given_up_while_others_are_written_changes_nothing_for_later_ones(
    model, own, refusal, sleeps, monkeypatch
):
    """The server is there, and only has too many clients for this one."""
    connection = own.take(ALIAS)
    connection.ensure_connection()
    original = own.take

    def take_after_another_row(using: str) -> Any:
        monkeypatch.setattr(own, "take", original)
        own.put_back(connection)
        write(make_open())
        own.close_idle()
        return original(using)

    refusal.left = 1_000_000
    monkeypatch.setattr(own, "take", take_after_another_row)
    with pytest.raises(OperationalError, match="too many clients"):
        write(make_open())
    del sleeps[:]
    refusal.left = 3
    write(make_open())
    assert len(sleeps) == 3
    assert model.objects.count() == 2
