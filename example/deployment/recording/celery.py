"""The Celery app: ``celery --app recording worker``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recording.settings")

app = Celery("recording")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Else Celery closes the connection to PostgreSQL before and after each hit. One that
# has died is replaced by ptrack.opens.
app.conf.update(CELERY_DB_REUSE_MAX=1_000_000_000)
