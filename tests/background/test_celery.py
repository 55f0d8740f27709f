"""ptrack.background.celery, with real workers of Celery and its broker in memory."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from queue import Queue
from typing import Any, ClassVar

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import before_task_publish, task_failure
from kombu import pools
from kombu.exceptions import LimitExceeded, OperationalError
from webtest import TestApp as WebTest

import ptrack
from ptrack.background import celery as engine_module
from ptrack.background import load_engine
from ptrack.background.celery import (
    NAME,
    PATIENCE,
    CeleryEngine,
    acquire_producer,
    make_connection,
)
from ptrack.background.worker import ATTEMPTS
from ptrack.core.callbacks import Tracker
from ptrack.core.engines import is_thread_sensitive
from ptrack.exceptions import PtrackConfigurationError, PtrackRecordingError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests import processes
from tests.processes import run_python

WORKED = "worked"
"""The queue that the worker takes from."""


def make_app(name: str, broker: str = "memory://", **settings: Any) -> Celery:
    made = Celery(name, broker=broker, set_as_current=False)
    made.conf.update(settings)
    return made


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    made = make_app(
        "tests",
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=False,
        # So that the worker ends soon.
        broker_transport_options={"polling_interval": 0.1},
    )
    # The broker in memory is the process's, and other tests leave jobs there.
    take_jobs(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def worked(app: Celery) -> Iterator[CeleryEngine]:
    """Yield an engine whose jobs a worker does."""
    with start_worker(
        app,
        queues=[WORKED],
        perform_ping_check=False,
        shutdown_timeout=processes.PATIENCE,
    ):
        yield CeleryEngine(app, WORKED)


class Slow(ptrack.TrackingPixel):
    """Keeps what it gets, and fails as often as there are errors.

    Attributes:
        done: Set when a call has succeeded.
        calls: The hit, the path and the arguments of each call.
        errors: Each is raised once.
    """

    background = True

    done: ClassVar[threading.Event]
    calls: ClassVar[list[Any]]
    errors: ClassVar[list[Exception]]

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        hit = ptrack.hit(request)
        self.calls.append(((hit.id, hit.at), request.path, args, kwargs))
        if self.errors:
            raise self.errors.pop()
        self.done.set()


@pytest.fixture
def slow(own_tracker: Tracker) -> Iterator[type[Slow]]:
    Slow.done, Slow.calls, Slow.errors = threading.Event(), [], []
    own_tracker.register(Slow)
    yield Slow
    # The worker finds it by its name, in any registry.
    own_tracker.unregister(Slow)


def open_pixel(tracker: Tracker, engine: CeleryEngine, *args: Any) -> str:
    tracking = PtrackWSGIMiddleware(None, tracker=tracker, background=engine)
    url = tracking.pixel_url(*args)
    WebTest(tracking).get(url)
    return url.removeprefix("https://www.example.com")


def take_jobs(app: Celery, queue: str = "celery") -> list[Any]:
    """Take all messages that wait in a queue."""
    found = []
    with app.connection_for_read() as connection:
        waiting = connection.SimpleQueue(queue)
        while waiting.qsize():
            message = waiting.get(block=False)
            message.ack()
            found.append(message)
        waiting.close()
    return found


def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "choose_delay", lambda *_: 0)


def test_worker_records_the_hit(
    worked: CeleryEngine, own_tracker: Tracker, slow: type[Slow]
):
    path = open_pixel(own_tracker, worked, 1)
    assert slow.done.wait(processes.PATIENCE)
    ((_, *call),) = slow.calls
    assert call == [path, (1,), {}]


def test_job_goes_to_the_queue_of_the_engine(
    app: Celery, own_tracker: Tracker, slow: type[Slow]
):
    open_pixel(own_tracker, CeleryEngine(app, "pixels"))
    assert take_jobs(app) == []
    assert len(take_jobs(app, "pixels")) == 1


def test_headers_of_a_message_do_not_show_the_job(
    app: Celery, own_tracker: Tracker, slow: type[Slow]
):
    """Celery's events and logs show "argsrepr"."""
    open_pixel(own_tracker, CeleryEngine(app), "carried")
    (message,) = take_jobs(app)
    assert message.headers["task"] == NAME
    assert "carried" not in str(message.headers)
    assert "carried" in str(message.payload)


def test_headers_of_a_retry_do_not_show_the_job_either(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: type[Slow],
    monkeypatch: pytest.MonkeyPatch,
):
    shown: list[str] = []

    def keep_arguments(headers: Any, **_: Any) -> None:
        shown.append(headers["argsrepr"])

    retry_at_once(monkeypatch)
    slow.errors += [OSError()]
    before_task_publish.connect(keep_arguments)
    try:
        open_pixel(own_tracker, worked, 1)
        assert slow.done.wait(processes.PATIENCE)
    finally:
        before_task_publish.disconnect(keep_arguments)
    assert shown == ["(…)", "(…)"]


def test_failure_is_not_tried_again_in_the_request(
    own_tracker: Tracker, slow: type[Slow]
):
    """With "task_always_eager", a client waits for the answer."""
    eager = make_app("eager", task_always_eager=True)
    slow.errors += [OSError(), OSError()]
    open_pixel(own_tracker, CeleryEngine(eager), 1)
    assert len(slow.calls) == 1


def test_failure_is_tried_again_with_the_same_hit(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: type[Slow],
    monkeypatch: pytest.MonkeyPatch,
):
    retry_at_once(monkeypatch)
    slow.errors += [OSError(), OSError()]
    open_pixel(own_tracker, worked, 1)
    assert slow.done.wait(processes.PATIENCE)
    assert len(slow.calls) == 3
    assert len({hit for hit, *_ in slow.calls}) == 1


@pytest.mark.parametrize(
    "refusal",
    [OperationalError(), LimitExceeded(), OSError(), SoftTimeLimitExceeded()],
)
def test_job_is_given_back_if_the_broker_refuses_its_next_attempt(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: type[Slow],
    monkeypatch: pytest.MonkeyPatch,
    refusal: Exception,
):
    """Celery would drop it; so too if nothing is wrong with the broker itself."""
    refusals = [refusal]

    def refuse_once(app: Celery, *connection: Any) -> Any:
        if refusals and threading.current_thread() is not threading.main_thread():
            raise refusals.pop()
        return acquire_producer(app, *connection)

    monkeypatch.setattr(engine_module, "acquire_producer", refuse_once)
    retry_at_once(monkeypatch)
    slow.errors.append(OSError())
    open_pixel(own_tracker, worked, 1)
    assert slow.done.wait(processes.PATIENCE)
    assert refusals == []
    first, second = slow.calls
    assert first == second


def test_job_that_a_soft_time_limit_ends_outside_its_task_is_given_back(
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: type[Slow],
    monkeypatch: pytest.MonkeyPatch,
):
    """Here it is after the task's handling of errors, which has failed."""
    limits = [SoftTimeLimitExceeded()]
    real = engine_module._retry

    def retry(task: Any, error: Exception) -> Any:
        if limits:
            raise limits.pop()
        real(task, error)

    monkeypatch.setattr(engine_module, "_retry", retry)
    slow.errors.append(OSError())
    open_pixel(own_tracker, worked, 1)
    assert slow.done.wait(processes.PATIENCE)
    assert limits == []
    first, second = slow.calls
    assert first == second


@pytest.fixture
def failures() -> Iterator[Queue[Exception]]:
    """Yield the errors of jobs that have failed for good."""
    found: Queue[Exception] = Queue()

    def keep(exception: Exception, **_: Any) -> None:
        found.put(exception)

    task_failure.connect(keep)
    yield found
    task_failure.disconnect(keep)


def test_failure_of_the_last_try_is_for_good(
    app: Celery,
    worked: CeleryEngine,
    own_tracker: Tracker,
    slow: type[Slow],
    monkeypatch: pytest.MonkeyPatch,
    failures: Queue[Exception],
):
    retry_at_once(monkeypatch)
    monkeypatch.setattr(app.tasks[NAME], "max_retries", 1)
    slow.errors += [OSError()] * 5
    open_pixel(own_tracker, worked, 1)
    error = failures.get(timeout=processes.PATIENCE)
    assert isinstance(error, PtrackRecordingError)
    assert len(slow.calls) == 2


@pytest.mark.parametrize("retries", ["many", None, [], -(10**12), 10**12])
def test_message_of_a_stranger_fails_for_good_or_is_tried_again(
    app: Celery,
    worked: CeleryEngine,
    monkeypatch: pytest.MonkeyPatch,
    failures: Queue[Exception],
    retries: Any,
):
    """Its count of tries is whatever they wrote."""
    monkeypatch.setattr(app.tasks[NAME], "max_retries", min(ATTEMPTS, -(10**12) + 1))
    app.tasks[NAME].apply_async(("garbage",), retries=retries, queue=WORKED)
    error = failures.get(timeout=processes.PATIENCE)
    assert type(error) is ValueError


@pytest.mark.parametrize("eager", [True, False])
def test_engine_holds_the_thread_of_djangos_orm_only_if_it_runs_callbacks(eager: bool):
    made = make_app("sensitive", task_always_eager=eager)
    assert is_thread_sensitive(CeleryEngine(made)) is eager


def test_task_is_acknowledged_only_when_it_has_succeeded(app: Celery):
    task = app.tasks[NAME]
    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.ignore_result
    assert not task.acks_on_failure_or_timeout
    assert task.max_retries == ATTEMPTS - 1


# -- the app --------------------------------------------------------------------------


@pytest.mark.parametrize("variables", [{}, {"CELERY_BROKER_URL": "memory://"}])
def test_app_without_a_broker_is_refused(variables: dict[str, str]):
    """Celery returns such an app where none was imported."""
    out = run_python(
        "from ptrack.background import load_engine\n"
        "from ptrack.exceptions import PtrackConfigurationError\n"
        "try: print(type(load_engine('celery')).__name__)\n"
        "except PtrackConfigurationError as error: print(error)\n",
        **variables,
    )
    expected = "CeleryEngine" if variables else "PTRACK_BACKGROUND: the Celery app has"
    assert out.startswith(expected)


def test_app_without_the_library_of_its_broker_is_refused():
    out = run_python(
        "import sys; sys.modules['redis'] = None\n"
        "from celery import Celery\n"
        "app = Celery('x', broker='redis://127.0.0.1:1/0')\n"
        "from ptrack.background import load_engine\n"
        "from ptrack.exceptions import PtrackConfigurationError\n"
        "try: load_engine('celery')\n"
        "except PtrackConfigurationError as error: print(error)\n"
    )
    assert out.startswith(
        "PTRACK_BACKGROUND: the library that speaks to the Celery app's broker"
    )
    assert 'pip install "celery[redis]"' in out


unreadable = make_app("unreadable", "redis://:topsecret#x@h:6379/0")


def test_error_about_the_url_of_a_broker_does_not_show_it():
    """An unquoted password makes it unreadable."""
    with pytest.raises(PtrackConfigurationError, match="quote its password") as caught:
        load_engine(f"celery:{__name__}.unreadable")
    assert "topsecret" not in str(caught.value)
    assert caught.value.__suppress_context__


named = make_app("named", task_default_queue="of the named app")


def test_job_goes_to_the_app_of_the_setting(own_tracker: Tracker, slow: type[Slow]):
    engine = load_engine(f"celery:{__name__}.named")
    assert isinstance(engine, CeleryEngine)
    open_pixel(own_tracker, engine)
    assert len(take_jobs(named, "of the named app")) == 1


def test_current_app_is_used_in_all_threads():
    """Celery itself has another current app in another thread."""
    out = run_python(
        "import threading\n"
        "from celery import Celery\n"
        "app = Celery('x', broker='memory://')\n"
        "from ptrack.background import load_engine\n"
        "engine = load_engine('celery')\n"
        "thread = threading.Thread(target=engine.enqueue, args=('a job',))\n"
        "thread.start(); thread.join()\n"
        "with app.connection_for_read() as connection:\n"
        "    print(connection.SimpleQueue('celery').get(timeout=5).payload[0])\n"
    )
    assert out == "['a job']\n"


# -- the broker -----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"broker_pool_acquire_timeout": 0.1}, {}])
def test_hit_waits_for_a_free_connection_only_for_so_long(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    """The app sets the time; Celery has that setting from 5.7 on."""
    monkeypatch.setattr(engine_module, "PATIENCE", 60 if settings else 0.1)
    # With options of its own: apps of the same broker and options share a pool.
    own = {"polling_interval": 0.2}
    app = make_app("waiting", broker_transport_options=own, **settings)
    with ExitStack() as stack:
        for _ in range(pools.get_limit()):
            stack.enter_context(acquire_producer(app))
        with pytest.raises(LimitExceeded):
            acquire_producer(app)
    with acquire_producer(app) as producer:
        assert producer.connection


def test_broker_gets_two_seconds_to_answer():
    options = make_connection(make_app("redis", "redis://")).transport_options
    assert options["socket_timeout"] == options["socket_connect_timeout"] == PATIENCE


def test_options_of_the_app_come_first():
    app = make_app(
        "redis", "redis://", broker_transport_options={"socket_timeout": 0.5}
    )
    options = make_connection(app).transport_options
    assert options["socket_timeout"] == 0.5
    assert options["socket_connect_timeout"] == PATIENCE


def test_rabbitmq_is_asked_to_confirm_each_message():
    connection = make_connection(make_app("amqp", "amqp://"))
    assert connection.transport_options["confirm_publish"] is True
    assert connection.transport_options["read_timeout"] == PATIENCE


def test_sentinel_is_asked_once():
    """A hit is recorded at once if there is none, not after seconds."""
    app = make_app("sentinel", "sentinel://127.0.0.1:1")
    options = make_connection(app).transport_options["sentinel_kwargs"]
    assert options["socket_connect_timeout"] == PATIENCE
    attempts = []

    def ask() -> None:
        attempts.append("asked")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        options["retry"].call_with_retry(ask, lambda error: None)
    assert attempts == ["asked"]


def test_all_hits_of_an_app_share_a_pool_of_connections():
    app = make_app("sharing", "redis://")
    first, second = (pools.producers[make_connection(app)] for _ in range(2))
    assert first is second


def test_pool_of_connections_is_not_celerys():
    """Its connections to Redis wait for any time."""
    app = make_app("apart", "redis://")
    assert pools.producers[make_connection(app)] is not app.producer_pool


# -- within Django --------------------------------------------------------------------


@pytest.mark.parametrize("background", ["celery", "celery:shop.app"])
def test_django_app_registers_the_task_for_workers(background: str):
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


OUTSIDE_DJANGO = """
import sys, threading
from celery import Celery
from celery.contrib.testing.worker import start_worker
import ptrack
from ptrack import Hit
from ptrack.background.celery import CeleryEngine
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.requests import PixelRequest

done = threading.Event()

@ptrack.tracker.register
class Slow(ptrack.TrackingPixel):
    background = True

    def record(self, request, *args, **kwargs):
        done.set()

app = Celery("outside", broker="memory://")
app.conf.update(worker_hijack_root_logger=False)
app.conf.broker_transport_options = {"polling_interval": 0.1}
(name,) = ptrack.tracker.in_background
with start_worker(app, perform_ping_check=False, shutdown_timeout=30):
    hit = Hit(PIXEL, PixelRequest.blank("/"), [], {})
    CeleryEngine(app).enqueue(write_job(name, hit))
    print(done.wait(30))
print("django.db" in sys.modules)
"""


def test_worker_outside_django_brings_nothing_of_it():
    assert run_python(OUTSIDE_DJANGO) == "True\nFalse\n"


def test_django_app_starts_without_celery_and_the_check_says_so():
    """A crash would hide the check."""
    out = run_python(
        "import sys; sys.modules['celery'] = None\n"
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['ptrack'], PTRACK_SECRET='s' * 32,\n"
        "                   MIDDLEWARE=['ptrack.middleware.PtrackMiddleware'],\n"
        "                   PTRACK_BACKGROUND='celery')\n"
        "django.setup()\n"
        "from django.core.checks import run_checks\n"
        "print(sorted(each.id for each in run_checks()))\n"
    )
    assert out == "['ptrack.E014', 'ptrack.W006']\n"


def test_middleware_does_not_start_without_its_engine(settings: Any):
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
