"""Names that the served apps and the command share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the project."""

PLACE = "SOAK_PLACE"
"""The environment variable with the directory of all these files."""

LEDGER = "ledger.db"
"""The database of all hits."""

SECOND = "second.db"
"""The database of hits with ``also``; it may be locked."""

JOURNAL = "journal"
"""The file of hits with ``also``; its disk may be full."""

BEHIND = "behind.db"
"""The database of all hits that are to be recorded in the background."""

PATIENT = "SOAK_PATIENT"
"""The environment variable with the seconds to wait while that one is locked."""

WHO, WORKER = "SOAK_WHO", "worker"
"""The environment variable that names the recording process, and a worker's name."""

BROKER, CELERY = "SOAK_BROKER", "SOAK_CELERY"
"""The environment variables with the URL of Celery's broker, and settings as JSON."""

ENGINE = "SOAK_ENGINE"
"""The environment variable with ``PTRACK_BACKGROUND`` of the Django site."""

TASKS_DATABASE = "tasks.db"
"""The database of that site's tasks."""

LOG = "log"
"""The file of ptrack's log."""

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
"""The format of its lines, except those of a traceback."""

PREFIX = "/ptrack/"
PAGE = b"page"
"""The answer to all other paths."""
