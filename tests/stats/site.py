"""A site with ``ptrack.stats``, on SQLite and on PostgreSQL; fixtures and helpers."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks.registry import registry
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings

from tools.soak.postgresql import Server, run_postgresql

ALIAS = "stats"
APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "ptrack",
    "ptrack.stats",
]
SETTINGS: dict[str, Any] = {
    "INSTALLED_APPS": APPS,
    "MIDDLEWARE": [
        "ptrack.middleware.PtrackMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "ROOT_URLCONF": "tests.urlconfs.stats_admin",
    "STATIC_URL": "/static/",
    "TIME_ZONE": "UTC",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "PTRACK_STATS_KEY": "recipient",
    "DATABASE_ROUTERS": ["tests.stats.site.Router"],
}


class Router:
    """Sends all queries to the database of the test, as a site with several may do."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return ALIAS

    db_for_write = db_for_read

    def allow_relation(self, *args: Any, **hints: Any) -> bool:
        return True


@dataclass(frozen=True)
class Database:
    """The database of a test.

    Attributes:
        entry: As in Django's ``DATABASES``.
    """

    entry: dict[str, Any]

    @property
    def vendor(self) -> str:
        return connections[ALIAS].vendor


@contextmanager
def install() -> Iterator[None]:
    """Use the site's settings, and its apps' checks, until the end of the block."""
    registered = registry.registered_checks
    before = set(registered)
    try:
        with override_settings(**SETTINGS):
            yield
    finally:
        # Apps register their checks when they are loaded, and never unregister them.
        registered.intersection_update(before)
        _close_default()


def _close_default() -> None:
    """Close the default database, which no other test uses."""
    connection = connections["default"].connection
    if connection is not None:
        # Django's own method would leave a database in memory open.
        connection.close()
    del connections["default"]


@contextmanager
def open_database(entry: dict[str, Any]) -> Iterator[Database]:
    """Add a database with all tables to Django's, until the end of the block."""
    configured = connections.configure_settings({"default": {}, ALIAS: dict(entry)})
    connections.settings[ALIAS] = configured[ALIAS]
    try:
        with install():
            call_command("migrate", database=ALIAS, verbosity=0)
            yield Database(entry)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


def configure_sqlite(path: Path) -> dict[str, Any]:
    """Return the settings of a database in a file; writers wait for each other."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"timeout": 20},
    }


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with run_postgresql() as server:
        yield server


POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.integration)

on_postgresql = pytest.mark.parametrize("stats_database", [POSTGRESQL], indirect=True)
"""The mark of a test that is for PostgreSQL alone."""

on_sqlite = pytest.mark.parametrize("stats_database", ["sqlite"], indirect=True)
"""The mark of a test that is for SQLite alone."""


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def stats_database(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[Database]:
    """Yield a database with the app's tables: in a file, and on a server."""
    if request.param == "sqlite":
        entry = configure_sqlite(tmp_path_factory.mktemp("stats") / "db.sqlite3")
    else:
        entry = request.getfixturevalue("postgresql_server").django()
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        yield stack.enter_context(open_database(entry))


@pytest.fixture
def stats(stats_database: Database) -> Iterator[Database]:
    """Yield the database with empty tables."""
    from ptrack.stats.models import Click, Open

    yield stats_database
    for model in (Open, Click):
        model.objects.all().delete()


@pytest.fixture(scope="module")
def stats_installed(django_db_blocker: Any) -> Iterator[None]:
    """Install the app, for tests that need no table."""
    # Django's own checks of the fields ask the database about its features.
    with install(), django_db_blocker.unblock():
        yield


@pytest.fixture
def staff(stats: Database) -> Iterator[Client]:
    """Yield a client of a user who may see everything."""
    from django.contrib.auth.models import User

    user = User.objects.create_superuser("admin")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


def make_request(user_agent: str = "", **meta: Any) -> Any:
    """Return a request that has nothing but ``META``."""
    return SimpleNamespace(META={"HTTP_USER_AGENT": user_agent, **meta})


def make_id(at: datetime | None = None) -> uuid.UUID:
    """Return an id as a hit of a time has it, by default of now (RFC 9562, 5.7)."""
    milliseconds = int((at or datetime.now(UTC)).timestamp() * 1000)
    number = milliseconds << 80 | secrets.randbits(80)
    return uuid.UUID(int=number & ~(0xF << 76 | 3 << 62) | 7 << 76 | 2 << 62)


def make_open(at: datetime | None = None, **fields: Any) -> Any:
    """Return the row of an open of a time, by default of now; it isn't saved."""
    from ptrack.stats.models import Open

    at = at or datetime.now(UTC)
    return Open(**{"id": make_id(at), "at": at, **fields})


def run_in_threads(count: int, function: Callable[[int], Any]) -> list[Any]:
    """Call a function in each of so many threads at the same time, with its number.

    Returns:
        Its results or its errors, in the order of the numbers.
    """
    barrier = Barrier(count)

    def call(number: int) -> Any:
        try:
            barrier.wait(30)
            return function(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))
