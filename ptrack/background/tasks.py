"""The engine of Django's Tasks: https://docs.djangoproject.com/en/stable/topics/tasks/.

Before Django 6.0, they are in the package ``django-tasks``.
"""

import logging
from datetime import timedelta
from importlib import import_module
from typing import Any

from django import VERSION
from django.utils import timezone

from ptrack.conf import get_django
from ptrack.core.engines import choose_delay
from ptrack.core.logs import log
from ptrack.exceptions import PtrackConfigurationError

from .worker import ATTEMPTS, LONGEST_DELAY, perform

_tasks: Any = import_module("django.tasks" if VERSION >= (6, 0) else "django_tasks")


def _choose_options() -> dict[str, str]:
    """Return the backend and the queue that the settings name."""
    name, _, backend = str(get_django("PTRACK_BACKGROUND") or "").partition(":")
    queue = get_django("PTRACK_BACKGROUND_QUEUE")
    options = {"backend": backend, "queue_name": queue}
    return {key: value for key, value in options.items() if value and name == "tasks"}


# A worker finds the task by its path, for every backend and queue; but Django wants
# these to exist when the task is made.
@_tasks.task(**_choose_options())  # type: ignore[untyped-decorator]
def record(job: str, attempt: int = 1) -> None:
    """Do a job; if it fails, enqueue it for later where the backend can wait.

    Args:
        job: The job.
        attempt: The number of this attempt, starting at 1.
    """
    try:
        perform(job)
    except BaseException as error:
        # If the process has to end, the job is no less to be done.
        if _enqueue_again(job, attempt) and isinstance(error, Exception):
            return
        # Error trackers show what a frame holds.
        del job
        raise


def _enqueue_again(job: str, attempt: int) -> bool:
    """Enqueue a failed job for a later attempt; return whether that succeeded."""
    # A database may have anything in the place of the number.
    if not isinstance(attempt, int) or attempt >= ATTEMPTS:
        return False
    if not record.get_backend().supports_defer:
        return False
    later = timezone.now() + timedelta(seconds=choose_delay(attempt - 1, LONGEST_DELAY))
    try:
        record.using(run_after=later).enqueue(job, attempt + 1)
    except Exception as error:
        # Its type alone: the message of a database shows the row, and with it the job.
        log(
            logging.ERROR,
            "A job that failed can't be enqueued again, and is left to the backend: %s",
            type(error).__name__,
        )
        return False
    return True


class TasksEngine:
    """Enqueues jobs with a backend of Django's Tasks.

    Args:
        backend: Its name in the setting ``TASKS``; the default one if ``None``.
        queue: The name of the queue; the default one if ``None``.
    """

    def __init__(self, backend: str | None = None, queue: str | None = None) -> None:
        self._task = record.using(backend=backend, queue_name=queue)

    def enqueue(self, job: str) -> None:
        """Enqueue a job: see `ptrack.background.Engine`."""
        self._task.enqueue(job)


def make_engine(backend: str | None, queue: str | None) -> TasksEngine:
    """Return the engine of a backend: see `TasksEngine`.

    Raises:
        PtrackConfigurationError: The backend doesn't exist, or doesn't have the queue.
    """
    try:
        return TasksEngine(backend, queue)
    except Exception as error:
        raise PtrackConfigurationError(f"PTRACK_BACKGROUND: {error}") from error
