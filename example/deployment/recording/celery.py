"""The Celery app: ``celery --app recording worker``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recording.settings")

app = Celery("recording")
app.config_from_object("django.conf:settings", namespace="CELERY")
