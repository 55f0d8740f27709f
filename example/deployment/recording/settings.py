"""The settings of what records: mirrors, workers, and the command that clears.

Where PostgreSQL is, libpq's own variables say: PGHOST, PGPORT, PGUSER
(https://www.postgresql.org/docs/current/libpq-envars.html).
"""

import os
from pathlib import Path


def credential(name):
    """Read what systemd hands over (LoadCredential=), else a variable."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(directory, name)
    if directory and path.exists():
        return path.read_text().strip()
    return os.environ.get(name, "")


INSTALLED_APPS = ["ptrack", "ptrack.opens"]
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "recording"),
        "PASSWORD": credential("PGPASSWORD"),
    }
}

PTRACK_SECRET = credential("PTRACK_SECRET")
PTRACK_SECRET_FALLBACKS = credential("PTRACK_SECRET_FALLBACKS").split()
PTRACK_TRUSTED_PROXIES = os.environ.get("PTRACK_TRUSTED_PROXIES", "").split()
PTRACK_OPENS_KEY = "recipient"
# Without a broker, hits are recorded in the request.
PTRACK_BACKGROUND = "celery:recording.celery.app" if "REDIS_URL" in os.environ else None
# Nothing here is a site: what answers is recording.wsgi.
SILENCED_SYSTEM_CHECKS = ["ptrack.W001"]

CELERY_BROKER_URL = os.environ.get("REDIS_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # After so many seconds, what a dead worker held is given to another, and what has
    # waited as long is given out twice, for one row. More than ptrack's longest pause
    # between two attempts (600), and than a send's hits may have to wait.
    "visibility_timeout": int(os.environ.get("VISIBILITY_TIMEOUT", "3600")),
    # That is looked for every five seconds, not every hundred, and so many at a time:
    # meanwhile the worker takes no other jobs.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 500,
    # A worker that is killed while it looks keeps all others from it that long.
    "unacked_mutex_expire": 15,
}
