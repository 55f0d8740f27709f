"""The connections of ``ptrack.stats``, on real servers."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from ptrack.core.tokens import TokenBox
from tests.processes import (
    PATIENCE,
    ROOT,
    fetch,
    reserve_port,
    run_server,
)
from tests.stats.site import open_database
from tools.soak.postgresql import USER, Server, run_postgresql

pytestmark = pytest.mark.once

MAX_CONNECTIONS = 20
CLIENTS, HITS = 60, 10


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    """Yield a server that takes few connections at a time."""
    with run_postgresql(max_connections=str(MAX_CONNECTIONS)) as server:
        yield server


@pytest.fixture
def tables(small_server: Server, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), open_database(small_server.django()):
        yield
        call_command("migrate", "ptrack_stats", "zero", database="stats", verbosity=0)


def count(server: Server, sql: str) -> int:
    """Return the number that a query finds, as soon as the server takes a client."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = psycopg.connect(server.url)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            continue
        with closing(connection):
            return connection.execute(sql).fetchone()[0]


def wait_until(holds: Callable[[], bool]) -> float:
    """Wait until something holds; return after how many seconds."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() < start + PATIENCE
        time.sleep(0.1)
    return time.monotonic() - start


OTHERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def test_each_answered_hit_of_many_threads_has_a_row(
    small_server: Server, tables: None
):
    """Granian starts more threads, by default, than the server takes connections."""
    from ptrack.stats.connections import IDLE

    connections["stats"].close()
    port = reserve_port()
    url = f"http://127.0.0.1:{port}/ptrack/{{}}/"
    token = TokenBox("s" * 32).encrypt((), {"recipient": "ada"})
    command = ("granian", "--interface", "wsgi", "--port", str(port))
    environment = {
        "PGUSER": USER,
        "PGHOST": small_server.host,
        "PGPORT": str(small_server.port),
    }

    def send(_: int) -> int:
        return sum(fetch(url.format(token))[0] == 200 for _ in range(HITS))

    with (
        run_server(
            *command,
            "tests.integration.served.recording:application",
            port=port,
            cwd=ROOT,
            **environment,
        ),
        ThreadPoolExecutor(CLIENTS) as clients,
    ):
        answered = sum(clients.map(send, range(CLIENTS)))
        assert answered == CLIENTS * HITS
        rows = count(small_server, "SELECT count(*) FROM ptrack_stats_open")
        assert rows == answered
        took = wait_until(lambda: count(small_server, OTHERS) == 0)
        assert took < 2 * IDLE
