"""What the served apps and the command have to agree on."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's."""

PLACE = "SOAK_PLACE"
"""The environment variable with the directory that all the following are in."""

LEDGER = "ledger.db"
"""Every hit is recorded in it."""

SECOND = "second.db"
"""Hits with ``also`` are recorded in it; it may be locked."""

JOURNAL = "journal"
"""Hits with ``also`` are appended to it; its disk may be full."""

BEHIND = "behind.db"
"""Every hit that is to run in the background is recorded in it, by whomever."""

PATIENT = "SOAK_PATIENT"
"""The environment variable with the seconds that are waited for that, if it is shut."""

WHO, WORKER = "SOAK_WHO", "worker"
"""The environment variable that tells who records, and what it is for a worker."""

BROKER, CELERY = "SOAK_BROKER", "SOAK_CELERY"
"""The environment variables with the URL of Celery's broker, and settings as JSON."""

ENGINE = "SOAK_ENGINE"
"""The environment variable with ``PTRACK_BACKGROUND`` of the Django site."""

TASKS_DATABASE = "tasks.db"
"""Where that site keeps its tasks."""

LOG = "log"
"""What ptrack logs."""

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
"""Its lines; a traceback's are others."""

PREFIX = "/ptrack/"
PAGE = b"page"
"""What everything else answers."""
