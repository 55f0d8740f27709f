"""The engine that sends jobs to Celery's workers: https://docs.celeryq.dev/.

A worker has to import this module, and the pixels. Under Django, ptrack's app does
that; outside Django, the Celery app names both in ``include``.
"""

import sys
import time
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import Any, NoReturn

from celery import Celery, Task, shared_task
from celery.app import app_or_default
from celery.exceptions import Reject, Retry
from kombu import pools

from ptrack.conf import uses_django
from ptrack.core.engines import choose_delay
from ptrack.exceptions import PtrackConfigurationError

from . import import_path
from .worker import ATTEMPTS, LONGEST_DELAY, perform

NAME = "ptrack.record"
"""The task's name, for routes and monitoring."""

PATIENCE = 2
"""Seconds that a broker may take to answer; by default Redis may take any time."""

# https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.redis.html
# and https://docs.celeryq.dev/projects/kombu/en/stable/reference/
# kombu.transport.pyamqp.html: RabbitMQ confirms a message only if it is asked to.
_BOUNDS = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
_OPTIONS: dict[str, dict[str, Any]] = {
    "redis": _BOUNDS,
    "amqp": {"confirm_publish": True, "read_timeout": PATIENCE},
}

# A connection may have gone stale since the last hit. More tries would keep the client
# waiting, and the hit can be recorded at once.
_ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}

# Otherwise Celery's logs and events would show the job.
_HIDDEN = {"argsrepr": "(…)"}

_NO_PATH = 'isn\'t the dotted path of an app: for example "celery:shop.celery.app"'


class _RecordTask(Task):  # type: ignore[type-arg]
    Request = "ptrack.background.celery_requests:Request"


# "acks_late" and "reject_on_worker_lost": if a worker is killed, another one does its
# job. "acks_on_failure_or_timeout": the same if a time limit of the project ends a job.
@shared_task(
    base=_RecordTask,
    bind=True,
    name=NAME,
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    acks_on_failure_or_timeout=False,
    max_retries=ATTEMPTS - 1,
)
def record(self: "Task[Any, Any]", job: str) -> None:
    """Do a job; if it fails, try it again later.

    Args:
        self: The task, which knows the number of earlier tries.
        job: The job.
    """
    try:
        if not (self.request.is_eager or self.request.called_directly):
            _drop_transactions()
        perform(job)
    except Exception as error:
        # Error trackers show what a frame holds.
        del job
        _retry(self, error)


def _drop_transactions() -> None:
    """Drop each connection of Django's that is in a transaction: no job begins in one.

    A time limit may come while a callback begins or ends a transaction, and nothing
    would ever be committed over that connection. Celery may keep it for many tasks.
    """
    if "django.db" not in sys.modules or not uses_django():
        return
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        raw, own = connection.connection, connection.settings_dict
        is_changed = raw and connection.autocommit != own["AUTOCOMMIT"]
        if connection.in_atomic_block or is_changed:
            del connections[connection.alias]
            with suppress(Exception):
                # Only Django's own method gives it back to a pool. A lock of that may
                # be locked for ever.
                (connection if own["OPTIONS"].get("pool") else raw).close()


def _retry(task: "Task[Any, Any]", error: Exception) -> NoReturn:
    if task.request.is_eager or not isinstance(task.request.retries, int):
        # The next try would be at once, and its caller waits for the answer; or Celery
        # hasn't written this message.
        raise error
    wait = choose_delay(task.request.retries, LONGEST_DELAY)
    try:
        with acquire_producer(task.app) as producer:
            again = {"countdown": wait, "producer": producer, **_HIDDEN}
            raise task.retry(exc=error, **again) from None
    except Retry:
        raise
    except Exception as problem:
        if problem is error:
            # This was the last try.
            raise
        # The broker doesn't take the job, or a soft time limit has come, and Celery
        # would drop it. It goes back to the queue later, as this worker would get it
        # again at once.
        time.sleep(wait)
        raise Reject(type(error).__name__, requeue=True) from None


class CeleryEngine:
    """Sends jobs to the workers of a Celery app.

    Args:
        app: The app.
        queue: The name of the queue; the app's default, or its routes', if ``None``.
    """

    def __init__(self, app: Celery, queue: str | None = None) -> None:
        self._app = app
        self._connection = make_connection(app)
        # Celery's own proxies would look for another app in another thread.
        self._task = app.tasks[NAME]
        self._options: dict[str, Any] = {
            **_HIDDEN,
            "retry": True,
            "retry_policy": _ONCE_MORE,
            **({} if queue is None else {"queue": queue}),
        }

    @property
    def thread_sensitive(self) -> bool:
        """See `ptrack.core.engines.is_thread_sensitive`."""
        # The callback then runs where the job is sent, and may use Django's ORM.
        return bool(self._app.conf.task_always_eager)

    def enqueue(self, job: str) -> None:
        """Send a job to the broker: see `ptrack.background.Engine`."""
        with acquire_producer(self._app, self._connection) as producer:
            self._task.apply_async((job,), producer=producer, **self._options)


def make_engine(path: str | None, queue: str | None) -> CeleryEngine:
    """Return the engine of an app.

    Args:
        path: The dotted path of the app; the current app if ``None``.
        queue: See `CeleryEngine`.

    Raises:
        PtrackConfigurationError: There is no app.
    """
    app: Any = app_or_default() if path is None else import_path(path, _NO_PATH)
    if not isinstance(app, Celery):
        raise PtrackConfigurationError(f"PTRACK_BACKGROUND: {path} isn't a Celery app")
    if not _has_broker(app):
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: the Celery app has no broker; if yours has one, it "
            'isn\'t imported here: name it, for example "celery:shop.celery.app"'
        )
    try:
        return CeleryEngine(app, queue)
    except ValueError:
        # Without its message, which may show the password.
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: the URL of the Celery app's broker can't be read: "
            "quote its password (urllib.parse.quote)"
        ) from None
    except Exception as error:
        # Kombu has several errors for a missing library.
        raise PtrackConfigurationError(
            "PTRACK_BACKGROUND: the library that speaks to the Celery app's broker "
            f"can't be imported ({type(error).__name__}: {error}); Celery has an extra "
            'for it: for example pip install "celery[redis]"'
        ) from error


def _has_broker(app: Celery) -> bool:
    found = app.conf
    return bool(found.broker_url or found.broker_write_url or found.task_always_eager)


# -- the broker -----------------------------------------------------------------------


def acquire_producer(
    app: Celery, connection: Any = None
) -> AbstractContextManager[Any]:
    """Return a producer for the broker of an app, from a pool of its own.

    The connections on which the app's workers wait for messages are others.

    Args:
        app: The app.
        connection: The app's `make_connection`, which takes a while.

    Raises:
        kombu.exceptions.LimitExceeded: As many as kombu allows were in use for as long
            as the app waits, or else for `PATIENCE`.
    """
    pool = pools.producers[connection or make_connection(app)]
    # Celery knows the setting from 5.7 on, and sets none by default.
    timeout = getattr(app.conf, "broker_pool_acquire_timeout", None)
    return pool.acquire(  # type: ignore[no-any-return]
        block=True, timeout=PATIENCE if timeout is None else timeout
    )


def make_connection(app: Celery) -> Any:
    """Return a connection to the broker of an app, not connected yet.

    Args:
        app: The app, whose ``broker_transport_options`` override ptrack's.

    Raises:
        Exception: The library that speaks to that broker isn't installed.
    """
    made: Any = app.connection_for_write()
    transport: Any = made.get_transport_cls()
    made.transport_options = {
        **_choose_options(transport.driver_type),
        **made.transport_options,
    }
    return made


# Cached: kombu finds the pool of a connection by the text of its options.
@cache
def _choose_options(driver: str) -> dict[str, Any]:
    options = _OPTIONS.get(driver, {})
    if driver != "redis":
        return options
    from redis.backoff import NoBackoff  # Other brokers don't have it.
    from redis.retry import Retry

    # A sentinel knows the server's address; by default it is asked again for seconds.
    once = {**_BOUNDS, "retry": Retry(NoBackoff(), 0)}
    return {**options, "sentinel_kwargs": once}
