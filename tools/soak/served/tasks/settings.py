"""The site: the tasks of Django are kept in a database of their own."""

import os

from django import VERSION

from tools.soak.places import ENGINE, PLACE, TASKS_DATABASE

SECRET_KEY = "soak"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tools.soak.served.tasks.urls"
# Django has Tasks itself from 6.0 on.
INSTALLED_APPS = [
    "ptrack",
    *([] if VERSION >= (6, 0) else ["django_tasks"]),
    "django_tasks_db",
]
MIDDLEWARE = [
    "ptrack.middleware.PtrackMiddleware",
    "django.middleware.common.CommonMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{os.environ[PLACE]}/{TASKS_DATABASE}",
        # Seconds to wait while it is locked; and writers wait for each other instead
        # of failing (https://docs.djangoproject.com/en/stable/ref/databases/).
        "OPTIONS": {"timeout": 2, "transaction_mode": "IMMEDIATE"},
    }
}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
PTRACK_SECRET = os.environ.get("PTRACK_SECRET", "only the server needs it")
PTRACK_BACKGROUND = os.environ.get(ENGINE, "tasks")
