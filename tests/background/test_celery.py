"""ptrack.background.celery, with real workers of Celery and its broker in memory."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish
from kombu.exceptions import LimitExceeded, OperationalError

import ptrack
from ptrack import background as engines
from ptrack.background import brokers
from ptrack.background.celery import NAME, CeleryEngine
from ptrack.background.worker import ATTEMPTS
from ptrack.core.callbacks import Tracker
from ptrack.exceptions import PtrackConfigurationError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request, environ_of
from tests.processes import PATIENCE, run_python

WORKED = "worked"
"""The queue that the worker takes from."""


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    found = Celery("tests", broker="memory://", set_as_current=False)
    found.conf.update(
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=False,
        # Soon to see that it is to end.
        broker_transport_options={"polling_interval": 0.1},
    )
    yield found
    found.close()


@pytest.fixture(scope="module")
def worked(app: Celery) -> Iterator[CeleryEngine]:
    """An engine whose jobs are done by a worker."""
    with start_worker(
        app, queues=[WORKED], perform_ping_check=False, shutdown_timeout=PATIENCE
    ):
        yield CeleryEngine(app, WORKED)


class Slow(ptrack.TrackingPixel):
    """Keeps what it got, and tells who waits for it."""

    background = True

    def __init__(self) -> None:
        self.done = threading.Event()
        self.calls: list[Any] = []
        self.errors: list[Exception] = []

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        self.calls.append((ptrack.hit(request), request.path, args, kwargs))
        if self.errors:
            raise self.errors.pop()
        self.done.set()


@pytest.fixture
def slow(own_tracker: Tracker) -> Iterator[Slow]:
    own_tracker.register(Slow)
    (callback,) = own_tracker._registry.values()
    found = callback.record.__self__
    assert isinstance(found, Slow)
    yield found
    # The worker finds it by its name, in whatever registry is still there.
    own_tracker.unregister(Slow)


def hit(tracking: PtrackWSGIMiddleware, *args: Any) -> str:
    path = tracking.pixel_url(*args).removeprefix("https://www.example.com")
    tracking(environ_of(Request(path=path.encode())), lambda status, headers: None)
    return path


def jobs_in(app: Celery, queue: str = "celery") -> list[Any]:
    """Take what is waiting in a queue."""
    found = []
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(queue)
        while waiting.qsize():
            message = waiting.get(block=False)
            message.ack()
            found.append(message)
        waiting.close()
    return found


def test_worker_records_what_was_hit(
    worked: CeleryEngine, own_tracker: Tracker, slow: Slow
):
    path = hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=worked), 1)
    assert slow.done.wait(PATIENCE)
    ((_, told, args, kwargs),) = slow.calls
    assert (told, args, kwargs) == (path, (1,), {})


def test_queue_is_the_one_that_is_named(app: Celery, own_tracker: Tracker, slow: Slow):
    engine = CeleryEngine(app, "pixels")
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine))
    assert jobs_in(app) == []
    assert len(jobs_in(app, "pixels")) == 1


def test_message_shows_nothing_where_celery_shows_messages(
    app: Celery, own_tracker: Tracker, slow: Slow
):
    """Its events and its logs show "argsrepr"."""
    engine = CeleryEngine(app)
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine), "carried")
    (message,) = jobs_in(app)
    assert message.headers["task"] == NAME
    assert "carried" not in str(message.headers)
    assert "carried" in str(message.payload)


def test_message_shows_nothing_when_it_is_sent_again_either(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: Slow,
    monkeypatch: pytest.MonkeyPatch,
):
    shown: list[str] = []

    def sent(headers: Any, **_: Any) -> None:
        shown.append(headers["argsrepr"])

    monkeypatch.setattr("ptrack.background.celery.delay", lambda failures: 0)
    slow.errors += [OSError()]
    before_task_publish.connect(sent)
    try:
        hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=worked), 1)
        assert slow.done.wait(PATIENCE)
    finally:
        before_task_publish.disconnect(sent)
    assert shown == ["(…)", "(…)"]


def test_callback_that_fails_in_the_request_is_not_tried_again_there(
    own_tracker: Tracker, slow: Slow
):
    """With "task_always_eager", somebody waits for the answer."""
    eager = Celery("eager", broker="memory://", set_as_current=False)
    eager.conf.task_always_eager = True
    slow.errors += [OSError(), OSError()]
    engine = CeleryEngine(eager)
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine), 1)
    assert len(slow.calls) == 1


def test_failure_is_tried_again_with_the_same_hit(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: Slow,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("ptrack.background.celery.delay", lambda failures: 0)
    slow.errors += [OSError(), OSError()]
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=worked), 1)
    assert slow.done.wait(PATIENCE)
    assert len(slow.calls) == 3
    assert len({told for told, *_ in slow.calls}) == 1


@pytest.mark.parametrize("refusal", [OperationalError(), LimitExceeded()])
def test_job_whose_next_attempt_the_broker_refuses_is_given_back_to_it(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: Slow,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Exception,
):
    """Celery would drop it; likewise where it isn't its turn to send for long."""
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=worked), 1)
    assert slow.done.wait(PATIENCE)
    slow.done.clear()
    producer = brokers.producer
    refusals = [refusal]

    def refusing(app: Celery, *connection: Any) -> Any:
        if refusals and threading.current_thread() is not threading.main_thread():
            raise refusals.pop()
        return producer(app, *connection)

    monkeypatch.setattr(brokers, "producer", refusing)
    monkeypatch.setattr("ptrack.background.celery.delay", lambda failures: 0)
    slow.errors.append(OSError())
    hit(PtrackWSGIMiddleware(None, tracker=own_tracker, background=worked), 2)
    assert slow.done.wait(PATIENCE)
    assert refusals == []
    _, (first, *_), (second, *_) = slow.calls
    assert first == second


def test_task_is_set_up_so_that_nothing_is_lost(app: Celery):
    task = app.tasks[NAME]
    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.ignore_result
    assert not task.acks_on_failure_or_timeout
    assert task.max_retries == ATTEMPTS - 1


@pytest.mark.parametrize("variables", [{}, {"CELERY_BROKER_URL": "memory://"}])
def test_app_without_a_broker_is_refused(variables: dict[str, str]):
    """Celery gives such an app where none was imported, and no variable says more."""
    out = run_python(
        "from ptrack.background import engine\n"
        "from ptrack.exceptions import PtrackConfigurationError\n"
        "try: print(type(engine('celery')).__name__)\n"
        "except PtrackConfigurationError as error: print(error)\n",
        **variables,
    )
    expected = "CeleryEngine" if variables else "PTRACK_BACKGROUND: the Celery app has"
    assert out.startswith(expected)


def test_app_whose_broker_can_not_be_spoken_to_is_refused():
    out = run_python(
        "import sys; sys.modules['redis'] = None\n"
        "from celery import Celery\n"
        "app = Celery('x', broker='redis://127.0.0.1:1/0')\n"
        "from ptrack.background import engine\n"
        "from ptrack.exceptions import PtrackConfigurationError\n"
        "try: engine('celery')\n"
        "except PtrackConfigurationError as error: print(error)\n"
    )
    assert out.startswith("PTRACK_BACKGROUND: what speaks to the Celery app's broker")


def test_url_of_a_broker_that_can_not_be_read_is_not_shown():
    """An unquoted password makes it one."""
    with pytest.raises(PtrackConfigurationError, match="quote its password") as caught:
        engines.engine(f"celery:{__name__}.unreadable")
    assert "topsecret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_app_is_the_one_that_is_named():
    engine = engines.engine(f"celery:{__name__}.named")
    assert isinstance(engine, CeleryEngine)
    assert engine._task.app is named


unreadable = Celery(
    "unreadable", broker="redis://:topsecret#x@h:6379/0", set_as_current=False
)
named = Celery("named", broker="memory://", set_as_current=False)


def test_current_app_is_taken_for_all_threads():
    """Celery itself gives another app in another thread."""
    out = run_python(
        "import threading\n"
        "from celery import Celery\n"
        "app = Celery('x', broker='memory://')\n"
        "from ptrack.background import engine\n"
        "found = engine('celery')\n"
        "run = lambda: print(found._task.app is app is found._app)\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
    )
    assert out == "True\n"


@pytest.mark.parametrize("background", ["celery", "celery:shop.app"])
def test_django_app_lets_workers_know_the_task(background: str):
    out = run_python(
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['ptrack'], PTRACK_SECRET='s' * 32,\n"
        f"                   PTRACK_BACKGROUND={background!r})\n"
        "from celery import Celery\n"
        "app = Celery('x', broker='memory://')\n"
        "django.setup()\n"
        "print('ptrack.record' in app.tasks)\n"
    )
    assert out == "True\n"


def test_django_app_starts_where_celery_is_not_installed():
    """That is for the check to say; a crash would hide it."""
    out = run_python(
        "import sys; sys.modules['celery'] = None\n"
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['ptrack'], PTRACK_SECRET='s' * 32,\n"
        "                   MIDDLEWARE=['ptrack.middleware.PtrackMiddleware'],\n"
        "                   PTRACK_BACKGROUND='celery')\n"
        "django.setup()\n"
        "from django.core.checks import run_checks\n"
        "print([each.id for each in run_checks()])\n"
    )
    assert out == "['ptrack.E013']\n"


def test_middleware_does_not_start_without_its_engine(
    settings: Any, monkeypatch: pytest.MonkeyPatch
):
    from django.core.exceptions import ImproperlyConfigured

    from ptrack.middleware import PtrackMiddleware

    settings.PTRACK_BACKGROUND = "no.such.Engine"
    with pytest.raises(ImproperlyConfigured, match="can't be imported"):
        PtrackMiddleware(lambda request: None)  # type: ignore[arg-type,return-value]


def test_django_without_celery_does_not_import_it():
    out = run_python(
        "import sys, django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['ptrack'], PTRACK_SECRET='s' * 32)\n"
        "django.setup()\n"
        "import ptrack.wsgi, ptrack.middleware, ptrack.views\n"
        "print([name for name in ('celery', 'django_tasks') if name in sys.modules])\n"
    )
    assert out == "[]\n"
