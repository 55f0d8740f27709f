"""ptrack.stats: its tables, and no cost where it isn't installed."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections

from tests.processes import run_python
from tests.stats.site import ALIAS, Database


def test_migrations_are_complete(stats_installed):
    """The models have nothing that the migrations lack."""
    out = StringIO()
    call_command("makemigrations", "ptrack_stats", check=True, stdout=out)
    assert "No changes" in out.getvalue()


def test_each_table_has_three_indexes(stats: Database):
    """They are of the id, the time and the key. Each further index costs time."""
    with connections[ALIAS].cursor() as cursor:
        for table in ("ptrack_stats_open", "ptrack_stats_click"):
            found = connections[ALIAS].introspection.get_constraints(cursor, table)
            columns = [
                each["columns"]
                for each in found.values()
                if each["index"] or each["primary_key"]
            ]
            assert sorted(columns) == [["at", "key"], ["id"], ["key", "at"]]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM ptrack_stats_open ORDER BY at DESC, id DESC LIMIT 100",
        "SELECT COUNT(*) FROM ptrack_stats_open WHERE at >= '2026-01-01'",
        "SELECT COUNT(DISTINCT key) FROM ptrack_stats_open WHERE at >= '2026-01-01'",
        "SELECT * FROM ptrack_stats_open WHERE key = 'ada' ORDER BY at DESC LIMIT 9",
        "SELECT COUNT(*) FROM ptrack_stats_open WHERE key = 'ada' AND at > '2026-1-1'",
    ],
)
def test_queries_of_the_admin_use_the_indexes(stats: Database, query):
    explain = "EXPLAIN " if stats.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connections[ALIAS].cursor() as cursor:
        if stats.vendor == "postgresql":
            # Otherwise it reads a small table without an index.
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(explain + query)
        plan = str(cursor.fetchall())
        if stats.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = on")
    assert "ptrack_stats_open_at" in plan or "ptrack_stats_open_key" in plan


SITE = """
import sys
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["ptrack"], PTRACK_SECRET="s" * 32, PTRACK_APP_URL="https://h",
    ROOT_URLCONF="tests.urlconfs.empty",
    MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"], ALLOWED_HOSTS=["*"],
)
import django; django.setup()
import ptrack, ptrack.wsgi, ptrack.email
from django.core.checks import run_checks
from django.test import Client
run_checks()
assert Client().get(ptrack.pixel_url("x").removeprefix("https://h")).status_code == 200
print([name for name in sys.modules if name.startswith("ptrack.stats")])
"""


def test_nothing_is_imported_if_it_is_not_installed():
    """The process has started, run the checks, made a URL and received a hit."""
    assert run_python(SITE) == "[]\n"


def test_the_core_needs_no_stats():
    out = run_python(
        "import sys; sys.modules['ptrack.stats'] = None\n"
        "import ptrack, ptrack.conf, ptrack.wsgi, ptrack.checks, ptrack.apps\n"
        "print('fine')"
    )
    assert out == "fine\n"
