"""A Celery app, and a mirror that leaves its hits to the app's workers."""

import json
import os

from celery import Celery

from ptrack.wsgi import mirror
from tools.soak.places import BROKER, CELERY

app = Celery(
    "soak",
    broker=os.environ[BROKER],
    include=["ptrack.background.celery", "tools.soak.served.behind"],
)
app.conf.update(json.loads(os.environ.get(CELERY, "{}")))


def application() -> object:
    """Make the mirror; a worker needs none."""
    return mirror(
        background="celery:tools.soak.served.queue.app",
        pixels="tools.soak.served.behind",
    )
