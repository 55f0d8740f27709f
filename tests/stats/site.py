"""A site that counts opens, on SQLite and on PostgreSQL; fixtures and helpers."""

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
from django.test import override_settings

from ptrack.core import hits
from tools.soak.postgresql import Server, postgresql

ALIAS = "opens"
APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "ptrack",
    "ptrack.opens",
]
SETTINGS: dict[str, Any] = {
    "INSTALLED_APPS": APPS,
    "MIDDLEWARE": [
        "ptrack.middleware.PtrackMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "ROOT_URLCONF": "tests.urlconfs.opens_admin",
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
    "PTRACK_OPENS_KEY": "recipient",
    "DATABASE_ROUTERS": ["tests.stats.site.Router"],
}


class Router:
    """Sends everything to the database of the test, as a site with several would."""

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
def installed() -> Iterator[None]:
    """Have the site's settings until the end of the block, and its apps' checks."""
    registered = registry.registered_checks
    before = set(registered)
    try:
        with override_settings(**SETTINGS):
            yield
    finally:
        # Apps register theirs when they are loaded, and nothing takes them out.
        registered.intersection_update(before)
        _leave_the_default()


def _leave_the_default() -> None:
    """Close what Django has opened besides: to other tests no database is open."""
    connection = connections["default"].connection
    if connection is not None:
        # A database in memory would stay, by Django's own way.
        connection.close()
    del connections["default"]


@contextmanager
def database_at(entry: dict[str, Any]) -> Iterator[Database]:
    """Make a database known to Django, with all tables, until the end of the block."""
    configured = connections.configure_settings({"default": {}, ALIAS: dict(entry)})
    connections.settings[ALIAS] = configured[ALIAS]
    try:
        with installed():
            call_command("migrate", database=ALIAS, verbosity=0)
            yield Database(entry)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


def sqlite_at(path: Path) -> dict[str, Any]:
    """Give a database in a file, whose writers wait for each other."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"timeout": 20},
    }


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.integration)

on_postgresql = pytest.mark.parametrize("opens_database", [POSTGRESQL], indirect=True)
"""The mark of a test that is for PostgreSQL alone."""


@pytest.fixture(scope="module", params=["sqlite", POSTGRESQL])
def opens_database(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[Database]:
    """The app installed, and its tables: in a file, and on a server."""
    if request.param == "sqlite":
        entry = sqlite_at(tmp_path_factory.mktemp("opens") / "db.sqlite3")
    else:
        entry = request.getfixturevalue("postgresql_server").django()
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        yield stack.enter_context(database_at(entry))


@pytest.fixture
def opens(opens_database: Database) -> Iterator[Database]:
    """The same, with nothing recorded."""
    from ptrack.opens.models import Click, Open

    yield opens_database
    for model in (Open, Click):
        model.objects.all().delete()


@pytest.fixture(scope="module")
def opens_installed(django_db_blocker: Any) -> Iterator[None]:
    """The app installed, for what needs no table."""
    # Django's own checks of the fields ask the database what it can do.
    with installed(), django_db_blocker.unblock():
        yield


def request_of(user_agent: str = "", **meta: Any) -> Any:
    """Give a request as a worker has it: ``META``, and nothing else."""
    return SimpleNamespace(META={"HTTP_USER_AGENT": user_agent, **meta})


def hit_at(at: datetime) -> hits.Hit:
    """Give the hit of a time."""
    return hits.Hit(hits._uuid7(at.timestamp()), at)


def open_at(at: datetime, **fields: Any) -> Any:
    """Give the row of an open of a time, not saved."""
    from ptrack.opens.models import Open

    return Open(id=hit_at(at).id, at=at, **fields)


def open_now(**fields: Any) -> Any:
    return open_at(datetime.now(UTC), **fields)


def new_id() -> uuid.UUID:
    return open_now().id


def in_threads(count: int, function: Callable[[int], Any]) -> list[Any]:
    """Call a function with a number in each of so many threads, at the same time.

    Returns:
        What it returned or raised, in the order of the numbers.
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
