"""A mirror that records into the PostgreSQL of the environment's variables."""

import os

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["ptrack", "ptrack.stats"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": os.environ["PGUSER"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
        }
    },
    USE_TZ=True,
    PTRACK_SECRET="s" * 32,
)
django.setup()

import ptrack  # noqa: E402
from ptrack.stats.recording import RecordOpen  # noqa: E402
from ptrack.wsgi import mirror  # noqa: E402

ptrack.tracker.register(RecordOpen)
application = mirror()
