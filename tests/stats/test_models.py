"""ptrack.opens: its tables, and what it costs where it isn't installed."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections

from tests.processes import run_python
from tests.stats.site import ALIAS, Database


def test_the_migrations_are_complete(opens_installed):
    """The models hold nothing that the migrations lack."""
    out = StringIO()
    call_command("makemigrations", "ptrack_opens", check=True, stdout=out)
    assert "No changes" in out.getvalue()


def test_each_table_has_three_indexes(opens: Database):
    """The key, the time and the reader: more would be paid for at each hit."""
    with connections[ALIAS].cursor() as cursor:
        for table in ("ptrack_opens_open", "ptrack_opens_click"):
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
        "SELECT * FROM ptrack_opens_open ORDER BY at DESC, id DESC LIMIT 100",
        "SELECT COUNT(*) FROM ptrack_opens_open WHERE at >= '2026-01-01'",
        "SELECT COUNT(DISTINCT key) FROM ptrack_opens_open WHERE at >= '2026-01-01'",
        "SELECT * FROM ptrack_opens_open WHERE key = 'ada' ORDER BY at DESC LIMIT 9",
        "SELECT COUNT(*) FROM ptrack_opens_open WHERE key = 'ada' AND at > '2026-1-1'",
    ],
)
def test_the_admins_queries_use_the_indexes(opens: Database, query):
    explain = "EXPLAIN " if opens.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connections[ALIAS].cursor() as cursor:
        if opens.vendor == "postgresql":
            # A table this small would be read whole, index or not.
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(explain + query)
        plan = str(cursor.fetchall())
        if opens.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = on")
    assert "ptrack_open_" in plan


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
print([name for name in sys.modules if name.startswith("ptrack.opens")])
"""


def test_where_it_is_not_installed_nothing_of_it_is_imported():
    """After start-up, checks, a pixel's URL and a hit."""
    assert run_python(SITE) == "[]\n"


def test_the_core_needs_no_opens():
    out = run_python(
        "import sys; sys.modules['ptrack.opens'] = None\n"
        "import ptrack, ptrack.conf, ptrack.wsgi, ptrack.checks, ptrack.apps\n"
        "print('fine')"
    )
    assert out == "fine\n"
