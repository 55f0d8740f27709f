"""The connections of ``ptrack.stats``, on real servers."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
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
    WARNINGS,
    fetch,
    make_environment,
    reserve_port,
    run_server,
)
from tests.stats.site import open_database
from tools.soak.postgresql import USER, Server, run_postgresql
from tools.soak.processes import wait_until

pytestmark = pytest.mark.once

MAX_CONNECTIONS = 20
CLIENTS, HITS = 60, 10


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    """Yield a server that takes few connections at a time."""
    limits = {"max_connections": str(MAX_CONNECTIONS)}
    with run_postgresql(**limits) as server:
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


OTHERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def test_each_answered_hit_of_many_threads_has_a_row(
    small_server: Server, tables: None
):
    """Granian starts more threads, by default, than the server takes connections."""
    connections["stats"].close()
    port = reserve_port()
    url = f"http://127.0.0.1:{port}/ptrack/{{}}/"
    token = TokenBox("s" * 32).encrypt(recipient="ada")
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
        wait_until(
            lambda: count(small_server, OTHERS) == 0, PATIENCE, "some stay connected"
        )


TESTS = """
import json, sys, threading
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["ptrack", "ptrack.stats"],
    DATABASES={"default": json.loads(sys.argv[1])},
    ROOT_URLCONF="tests.urlconfs.empty", STATIC_URL="/static/",
    MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"],
    USE_TZ=True, PTRACK_SECRET="s" * 32, PTRACK_APP_URL="https://www.example.com",
)
import django; django.setup()
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import urlopen
import ptrack
from django.db import connection
from django.test import LiveServerTestCase, SimpleTestCase, TestCase
from django.test import TransactionTestCase
from django.test.utils import get_runner
from ptrack.stats.models import Open
from ptrack.stats.recording import RecordOpen

ptrack.tracker.register(RecordOpen)

def record():
    RecordOpen().record(SimpleNamespace(META={}))

class InTransaction(TestCase):
    def test_row_is_undone(self):
        record()
        self.assertEqual(Open.objects.count(), 1)

class InThreads(TransactionTestCase):
    def test_row_of_another_thread(self):
        thread = threading.Thread(target=record)
        thread.start()
        thread.join()
        connection.close()
        record()
        self.assertEqual(Open.objects.count(), 2)

class Live(LiveServerTestCase):
    def test_open_is_a_row(self):
        path = urlsplit(ptrack.pixel_url()).path
        with urlopen(self.live_server_url + path) as response:
            self.assertEqual(response.status, 200)
        self.assertEqual(Open.objects.count(), 1)

class Without(SimpleTestCase):
    def test_database_is_forbidden(self):
        url = ptrack.pixel_url()
        with self.assertLogs("ptrack", "ERROR") as logs:
            self.client.get(urlsplit(url).path)
        self.assertIn("not allowed in SimpleTestCase", logs.output[0])

runner = get_runner(settings)(verbosity=0)
suites = [runner.test_loader.loadTestsFromTestCase(each)
          for each in (InTransaction, InThreads, Live, Without)]
runner.setup_test_environment()
databases = runner.setup_databases()
result = runner.run_suite(runner.test_suite(suites))
runner.teardown_databases(databases)
runner.teardown_test_environment()
print(result.testsRun, len(result.failures) + len(result.errors))
"""


def test_tests_of_a_site_run_as_ever(small_server: Server):
    """PostgreSQL refuses to drop a database that anything is connected to."""
    entry = json.dumps(small_server.django(TEST={"NAME": "test_ptrack"}))
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-c", TESTS, entry],
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "4 0\n", done.stderr
    sql = "SELECT count(*) FROM pg_database WHERE datname = 'test_ptrack'"
    assert count(small_server, sql) == 0
