"""The cases of hits that are handed over to a worker, by their engine.

The workers themselves aren't there: the time is that of the client's waiting.
"""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from django.db import connection
from django_site import OTHER_PATTERNS, configure, start_response
from loop import Case, serve
from recording import record
from sample import ARGS, KWARGS, PREFIX, SECRET, make_environ

PLACE = Path(os.environ["BENCH_PLACE"])
REDIS = os.environ.get("BENCH_REDIS")

configure(
    __name__,
    "django_tasks_db",
    database=str(PLACE / "tasks.sqlite3"),
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
)

import ptrack  # noqa: E402 - Django has to be configured first
from ptrack.background import load_engine  # noqa: E402
from ptrack.background.celery import CeleryEngine  # noqa: E402
from ptrack.core.callbacks import Tracker  # noqa: E402
from ptrack.core.tokens import TokenBox  # noqa: E402
from ptrack.wsgi import PtrackWSGIMiddleware  # noqa: E402

urlpatterns = OTHER_PATTERNS
TOKEN = TokenBox(SECRET).encrypt(*ARGS, **KWARGS)
PATH = f"{PREFIX}{TOKEN}/"


class Slow(ptrack.TrackingPixel):
    """Is only handed over; a hit that no engine took is recorded here."""

    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Record the hit, which the check of the case doesn't expect."""
        record((args, kwargs))


class Dropping:
    """An engine that takes no time, so that ptrack's part is left."""

    def __init__(self) -> None:
        self.job = ""

    def enqueue(self, job: str) -> None:
        """Take the job."""
        self.job = job


def hand_to(engine: Any) -> Case:
    """Return the case of a hit that an engine takes."""
    tracker = Tracker()
    tracker.register(Slow)
    mirror = PtrackWSGIMiddleware(
        None, secret=SECRET, tracker=tracker, background=engine
    )
    return Case(mirror, (make_environ(PATH), start_response))


def main() -> None:
    """Serve all cases."""
    tracker = Tracker()
    in_request = PtrackWSGIMiddleware(None, secret=SECRET, tracker=tracker)
    cases = {
        "background_none": Case(in_request, (make_environ(PATH), start_response)),
        "background_free": hand_to(Dropping()),
        "background_tasks_db": hand_to_tasks(),
    }
    if REDIS:
        app = Celery("benchmark", broker=f"redis://127.0.0.1:{REDIS}/0")
        cases["background_celery"] = hand_to(CeleryEngine(app))
    # Its URLs are those of the other site.
    serve(cases, lambda args, kwargs: {}, path=PATH)


def hand_to_tasks() -> Case:
    """Return the case of Django's Tasks in a database of SQLite."""
    from django_tasks_db.models import DBTaskResult

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
    with connection.schema_editor() as editor:
        editor.create_model(DBTaskResult)
    return hand_to(load_engine("tasks"))


if __name__ == "__main__":
    main()
