"""Celery takes the jobs: https://docs.celeryq.dev/.

A worker has to import this module, and the pixels. Under Django, ptrack's app sees to
that; outside Django, the Celery app names both in ``include``.
"""

import time
from typing import Any, NoReturn

from celery import Celery, Task, current_app, shared_task
from celery.exceptions import Reject
from kombu.exceptions import KombuError

from ptrack.background import brokers, imported
from ptrack.background.worker import ATTEMPTS, delay, perform
from ptrack.exceptions import PtrackConfigurationError

NAME = "ptrack.record"
"""The task's, for routes and for what watches it."""

# A connection may have gone stale since the last hit. More tries would keep the client
# waiting, and the hit can be recorded at once.
_ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}


# Celery's logs and events would show the job else.
_HIDDEN = {"argsrepr": "(…)"}


# "acks_late" and "reject_on_worker_lost": what a worker was at when it was killed is
# done by another one.
@shared_task(
    bind=True,
    name=NAME,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    # What a time limit of the project's has ended is done again, too.
    acks_on_failure_or_timeout=False,
    max_retries=ATTEMPTS - 1,
)
def record(self: "Task[Any, Any]", job: str) -> None:
    """Do a job; if it fails, have it done again later.

    Args:
        self: The task, which knows how often that was tried.
        job: What was enqueued.
    """
    try:
        perform(job)
    except Exception as error:
        # Error trackers show what a frame holds.
        del job
        _again(self, error)


def _again(task: "Task[Any, Any]", error: Exception) -> NoReturn:
    if task.request.is_eager:
        # Again would be at once, and somebody waits for the answer.
        raise error
    wait = delay(task.request.retries)
    try:
        with brokers.producer(task.app) as producer:
            again = {"countdown": wait, "producer": producer, **_HIDDEN}
            raise task.retry(exc=error, **again) from None
    except (KombuError, Reject):
        # The broker doesn't take it, and Celery would drop the job. It is this worker's
        # until it gives it back; not at once, since it would have it again at once.
        time.sleep(wait)
        raise Reject(type(error).__name__, requeue=True) from None


_NO_PATH = 'is no dotted path of an app: for example "celery:shop.celery.app"'


class CeleryEngine:
    """Sends jobs to the workers of a Celery app.

    Args:
        app: The app.
        queue: The name of the queue; the app's default, or its routes', if ``None``.
    """

    def __init__(self, app: Celery, queue: str | None = None) -> None:
        self._app = app
        self._connection = brokers.connection_to(app)
        # Celery's own proxies would look for another app in another thread.
        self._task = app.tasks[NAME]
        self._options: dict[str, Any] = {
            **_HIDDEN,
            "retry": True,
            "retry_policy": _ONCE_MORE,
            **({} if queue is None else {"queue": queue}),
        }

    def enqueue(self, job: str) -> None:
        """Send a job to the broker: see `ptrack.background.handover.Engine`."""
        with brokers.producer(self._app, self._connection) as producer:
            self._task.apply_async((job,), producer=producer, **self._options)


def engine(path: str | None, queue: str | None) -> CeleryEngine:
    """Give the engine of an app.

    Args:
        path: Where the app is, as a dotted path; the current app if ``None``.
        queue: See `CeleryEngine`.

    Raises:
        PtrackConfigurationError: There is no app.
    """
    app: Any = _current() if path is None else imported(path, _NO_PATH)
    if not isinstance(app, Celery):
        raise PtrackConfigurationError(f"PTRACK_BACKGROUND: {path} is no Celery app")
    if not _has_broker(app):
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: the Celery app has no broker; if yours has one, it "
            'isn\'t imported here: name it, for example "celery:shop.celery.app"'
        )
    try:
        return CeleryEngine(app, queue)
    except ValueError:
        # Not what it says: it may show the password.
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: the URL of the Celery app's broker can't be read: "
            "quote its password (urllib.parse.quote)"
        ) from None
    except Exception as error:
        # Kombu without what speaks to the broker isn't of one mind about its error.
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: what speaks to the Celery app's broker can't be "
            f"imported ({type(error).__name__}: {error})"
        ) from error


def _current() -> Any:
    # Not Celery's proxy, which would stand for another app in another thread.
    proxy: Any = current_app
    return proxy._get_current_object()


def _has_broker(app: Celery) -> bool:
    found = app.conf
    return bool(found.broker_url or found.broker_write_url or found.task_always_eager)
