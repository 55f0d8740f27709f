"""Django's Tasks take the jobs: https://docs.djangoproject.com/en/stable/topics/tasks/.

Before Django 6.0, the package ``django-tasks`` has them.
"""

import logging
from datetime import timedelta
from importlib import import_module
from typing import Any

from django import VERSION
from django.utils import timezone

from ptrack import conf
from ptrack.background.worker import ATTEMPTS, delay, perform
from ptrack.exceptions import PtrackConfigurationError

logger = logging.getLogger("ptrack")

_tasks: Any = import_module("django.tasks" if VERSION >= (6, 0) else "django_tasks")


# A worker finds it by its path, with whatever backend and queue it was enqueued; but
# Django wants these to exist when it is made.
@_tasks.task(**conf.tasks_options())  # type: ignore[untyped-decorator]
def record(job: str, attempt: int = 1) -> None:
    """Do a job; if it fails, have it done again later where the backend can wait.

    Args:
        job: What was enqueued.
        attempt: The how manieth time this is.
    """
    try:
        perform(job)
    except Exception:
        if _enqueued_again(job, attempt):
            return
        # Error trackers show what a frame holds.
        del job
        raise


def _enqueued_again(job: str, attempt: int) -> bool:
    """Enqueue what failed for a later attempt, and tell whether that came about."""
    if attempt >= ATTEMPTS or not record.get_backend().supports_defer:
        return False
    later = timezone.now() + timedelta(seconds=delay(attempt - 1))
    try:
        record.using(run_after=later).enqueue(job, attempt + 1)
    except Exception as error:
        # Its type alone: the message of a database shows the row, and that the job.
        logger.error(
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
        """Enqueue a job: see `ptrack.background.handover.Engine`."""
        self._task.enqueue(job)


def engine(backend: str | None, queue: str | None) -> TasksEngine:
    """Give the engine of a backend: see `TasksEngine`.

    Raises:
        PtrackConfigurationError: The backend doesn't exist, or doesn't have the queue.
    """
    try:
        return TasksEngine(backend, queue)
    except Exception as error:
        raise PtrackConfigurationError(f"PTRACK_BACKGROUND: {error}") from error
