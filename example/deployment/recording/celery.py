"""The Celery app: ``celery --app recording worker``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recording.settings")

app = Celery("recording")
app.config_from_object("django.conf:settings", namespace="CELERY")
# By default Celery closes the connection to PostgreSQL before and after each hit. If a
# connection is lost, ptrack.stats opens another one.
app.conf.update(CELERY_DB_REUSE_MAX=1_000_000_000)
