"""The settings of the mirrors, of the workers and of the command that clears.

The address of PostgreSQL is in libpq's own variables PGHOST, PGPORT and PGUSER
(https://www.postgresql.org/docs/current/libpq-envars.html).
"""

import os
from pathlib import Path

from ptrack.conf import parse_setting


def read_credential(name):
    """Return a credential from systemd (LoadCredential=), or else a variable."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(directory, name)
    if directory and path.exists():
        return path.read_text().strip()
    return os.environ.get(name, "")


INSTALLED_APPS = ["ptrack", "ptrack.stats"]
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "recording"),
        "PASSWORD": read_credential("PGPASSWORD"),
    }
}

PTRACK_SECRET = read_credential("PTRACK_SECRET")
# A JSON list, ["…", "…"], or one secret.
PTRACK_SECRET_FALLBACKS = parse_setting(
    "PTRACK_SECRET_FALLBACKS", read_credential("PTRACK_SECRET_FALLBACKS")
)
PTRACK_TRUSTED_PROXIES = parse_setting(
    "PTRACK_TRUSTED_PROXIES", os.environ.get("PTRACK_TRUSTED_PROXIES", "")
)
PTRACK_STATS_KEY = "recipient"
# Without a broker, hits are recorded in the request.
PTRACK_BACKGROUND = "celery:recording.celery.app" if "REDIS_URL" in os.environ else None
SILENCED_SYSTEM_CHECKS = [
    # There is no site here: recording.wsgi answers the requests.
    "ptrack.W002",
    # No mail is made here.
    "ptrack.W008",
]

CELERY_BROKER_URL = os.environ.get("REDIS_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # After so many seconds, another worker gets the jobs of a dead one. A job that a
    # worker has for longer is done twice, for one row. A worker also has the jobs that
    # it is to try again later, so choose more than ptrack's longest pause between two
    # attempts (600).
    "visibility_timeout": int(os.environ.get("VISIBILITY_TIMEOUT", "3600")),
    # Look for such jobs every 5 seconds, not every 100, and take so many at a time:
    # meanwhile the worker takes no other jobs.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_restore_limit": 500,
    # A worker that is killed while it looks keeps the others from looking that long.
    "unacked_mutex_expire": 15,
}
