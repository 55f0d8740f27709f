"""The cases of hits that are handed over to a worker, by what takes them.

The workers themselves aren't there: what is timed is how long the client waits.
"""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from django.db import connection
from django_site import OTHER_PATTERNS, configure, start_response
from loop import Case, serve
from recording import record
from sample import ARGS, KWARGS, PREFIX, SECRET, environ

PLACE = Path(os.environ["BENCH_PLACE"])
REDIS = os.environ.get("BENCH_REDIS")

configure(
    __name__,
    "django_tasks_db",
    database=str(PLACE / "tasks.sqlite3"),
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
)

import ptrack  # noqa: E402 - Django has to be configured first
from ptrack.background import engine  # noqa: E402
from ptrack.background.celery import CeleryEngine  # noqa: E402
from ptrack.core.callbacks import Tracker  # noqa: E402
from ptrack.wsgi import PtrackWSGIMiddleware  # noqa: E402

urlpatterns = OTHER_PATTERNS
TOKEN = ptrack.core.tokens.TokenBox(SECRET).encrypt(*ARGS, **KWARGS)
PATH = f"{PREFIX}{TOKEN}/"


class Slow(ptrack.TrackingPixel):
    """Is only to be handed over: what is recorded here is a hit that wasn't taken."""

    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Take the hit, which the check of the case doesn't expect."""
        record((args, kwargs))


class Dropping:
    """An engine that takes no time, so that what is left is ptrack's part."""

    def __init__(self) -> None:
        self.job = ""

    def enqueue(self, job: str) -> None:
        """Take it."""
        self.job = job


def handed_to(taking: Any) -> Case:
    """Give the case of a hit that an engine takes."""
    tracker = Tracker()
    tracker.register(Slow)
    mirror = PtrackWSGIMiddleware(None, SECRET, tracker=tracker, background=taking)
    return Case(mirror, (environ(PATH), start_response))


def main() -> None:
    """Serve them all."""
    tracker = Tracker()
    in_request = PtrackWSGIMiddleware(None, SECRET, tracker=tracker)
    cases = {
        "background_none": Case(in_request, (environ(PATH), start_response)),
        "background_free": handed_to(Dropping()),
        "background_tasks_db": tasks_db(),
    }
    if REDIS:
        app = Celery("benchmark", broker=f"redis://127.0.0.1:{REDIS}/0")
        cases["background_celery"] = handed_to(CeleryEngine(app))
    # Its URLs are those of the other site.
    serve(cases, lambda args, kwargs: {}, path=PATH)


def tasks_db() -> Case:
    """Give the case of Django's Tasks in a database of SQLite."""
    from django_tasks_db.models import DBTaskResult

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
    with connection.schema_editor() as editor:
        editor.create_model(DBTaskResult)
    return handed_to(engine("tasks"))


if __name__ == "__main__":
    main()
