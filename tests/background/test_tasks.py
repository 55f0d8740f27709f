"""ptrack.background.tasks, with the backends that Django and its backport bring."""

import traceback
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import django
import pytest

import ptrack
from ptrack.background import load_engine
from ptrack.background.worker import ATTEMPTS
from ptrack.exceptions import PtrackConfigurationError, PtrackRecordingError
from tests.processes import run_python

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
IMMEDIATE = f"{PACKAGE}.backends.immediate.ImmediateBackend"
KEEPING = f"{PACKAGE}.backends.dummy.DummyBackend"

tasks: Any = import_module(PACKAGE)


@pytest.fixture
def calls() -> Iterator[list[Any]]:
    """Yield the calls of a callback that fails when a pixel carries ``"fail"``."""
    found: list[Any] = []

    @ptrack.tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append((request, args, kwargs))
            if "fail" in args:
                raise OSError

    yield found
    ptrack.tracker.unregister(Slow)


@pytest.fixture
def set_up(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets a default backend, and ptrack's settings."""

    def set_up(backend: str = IMMEDIATE, **more: Any) -> None:
        settings.TASKS = {
            "default": {"BACKEND": backend},
            "other": {"BACKEND": KEEPING, "QUEUES": ["pixels"]},
        }
        # Make the backends anew: the backport doesn't notice overrides, as Django does.
        backends = type(tasks.task_backends)()
        monkeypatch.setattr(tasks, "task_backends", backends)
        settings.PTRACK_BACKGROUND = "tasks"
        for name, value in more.items():
            setattr(settings, name, value)

    return set_up


def open_pixel(client: Any, *args: Any) -> Any:
    path = ptrack.pixel_url(*args).removeprefix("https://www.example.com")
    return client.get(path, headers={"User-Agent": "Mail/1"})


def list_tasks(alias: str = "default") -> list[Any]:
    return list(tasks.task_backends[alias].results)


def test_any_backend_does_the_task(client: Any, set_up: Any, calls: list[Any]):
    set_up()
    open_pixel(client, 1)
    ((request, args, kwargs),) = calls
    assert type(request).__name__ == "PixelRequest"
    assert (request.headers["User-Agent"], args, kwargs) == ("Mail/1", (1,), {})


def test_hit_is_enqueued_and_not_recorded_in_the_request(
    client: Any, set_up: Any, calls: list[Any]
):
    set_up(KEEPING)
    open_pixel(client, 1)
    assert calls == []
    (result,) = list_tasks()
    assert result.task.module_path == "ptrack.background.tasks.record"
    result.task.call(*result.args, **result.kwargs)
    assert calls[0][1] == (1,)


def test_backend_and_queue_of_the_settings_are_used(
    client: Any, set_up: Any, calls: list[Any]
):
    set_up(KEEPING, PTRACK_BACKGROUND="tasks:other", PTRACK_BACKGROUND_QUEUE="pixels")
    open_pixel(client, 1)
    assert list_tasks() == []
    (result,) = list_tasks("other")
    assert result.task.queue_name == "pixels"


@pytest.mark.parametrize(
    ("spec", "queue", "message"),
    [
        ("tasks:missing", None, "missing"),
        ("tasks", "missing", "Queue 'missing' is not valid"),
    ],
)
def test_missing_backend_or_queue_is_an_error(
    spec: str, queue: str | None, message: str, set_up: Any
):
    set_up()
    with pytest.raises(PtrackConfigurationError, match=message):
        load_engine(spec, queue)


def test_failure_is_tried_again_later_where_the_backend_can_wait(
    client: Any, set_up: Any, calls: list[Any]
):
    set_up(KEEPING)
    open_pixel(client, "fail")
    delays = []
    for _ in range(ATTEMPTS - 1):
        result = list_tasks()[-1]
        result.task.call(*result.args, **result.kwargs)
        following = list_tasks()[-1]
        assert following is not result
        delay = following.task.run_after - following.enqueued_at
        delays.append(round(delay.total_seconds()))
    assert delays[:4] == [1, 2, 4, 8]
    last = list_tasks()[-1]
    with pytest.raises(PtrackRecordingError):
        last.task.call(*last.args, **last.kwargs)
    assert list_tasks()[-1] is last
    assert len(calls) == ATTEMPTS
    hits = [ptrack.hit(request) for request, *_ in calls]
    assert len({(hit.id, hit.at) for hit in hits}) == 1


def test_failure_is_left_to_the_backend_and_logged_if_it_refuses_the_next_attempt(
    client: Any,
    set_up: Any,
    calls: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    """The backend's database may be locked; no frame of ptrack holds the job."""
    set_up(KEEPING)
    open_pixel(client, "fail")
    (result,) = list_tasks()

    def refuse(*_: Any) -> None:
        raise OSError("(the row)")

    backend = type(tasks.task_backends["default"])
    monkeypatch.setattr(backend, "enqueue", refuse)
    with pytest.raises(PtrackRecordingError) as caught:
        result.task.call(*result.args, **result.kwargs)
    assert "is left to the backend: OSError" in caplog.text
    assert "the row" not in caplog.text
    held = [
        str(value)
        for frame, _ in traceback.walk_tb(caught.value.__traceback__)
        if frame.f_globals["__name__"].startswith("ptrack")
        for value in frame.f_locals.values()
    ]
    assert not [each for each in held if "callback" in each and "fail" in each]


@pytest.mark.parametrize("way_out", [SystemExit, KeyboardInterrupt])
def test_job_whose_process_has_to_end_is_enqueued_again(
    client: Any, set_up: Any, calls: list[Any], way_out: type[BaseException]
):
    """A second SIGTERM ends a db_worker at once, in the middle of its task."""
    set_up(KEEPING)

    @ptrack.tracker.register
    class Ended(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise way_out

    try:
        open_pixel(client, 1)
        result = list_tasks()[-1]
        with pytest.raises(way_out):
            result.task.call(*result.args, **result.kwargs)
    finally:
        ptrack.tracker.unregister(Ended)
    again = list_tasks()[-1]
    assert again is not result
    assert again.args == [result.args[0], 2]


@pytest.mark.parametrize("attempt", ["1", None, ATTEMPTS, 10**12, -(10**12)])
def test_number_of_the_attempt_may_be_anything(
    client: Any, set_up: Any, calls: list[Any], attempt: Any
):
    """It comes from the database, as the job does."""
    set_up(KEEPING)
    open_pixel(client, "fail")
    (result,) = list_tasks()
    if isinstance(attempt, int) and attempt < 0:
        result.task.call(result.args[0], attempt)
        assert len(list_tasks()) == 2
        return
    with pytest.raises(PtrackRecordingError):
        result.task.call(result.args[0], attempt)
    assert len(list_tasks()) == 1


def test_failure_is_left_to_a_backend_that_can_not_wait(
    client: Any, set_up: Any, calls: list[Any]
):
    set_up()
    assert open_pixel(client, "fail").status_code == 200
    assert len(calls) == 1


# A backend and a queue for each name that the settings below have.
SITE = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["ptrack"],
    MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"],
    PTRACK_SECRET="s" * 32,
    TASKS={{
        "default": {{"BACKEND": {backend!r}, "QUEUES": {queues!r}}},
        "slow": {{"BACKEND": {backend!r}, "QUEUES": ["pixels"]}},
    }},
    USE_TZ=True,
    **{given!r},
)
django.setup()
"""


@pytest.mark.parametrize(
    ("background", "queue", "expected"),
    [
        ("tasks", None, "default default"),
        ("tasks", "pixels", "default pixels"),
        ("tasks:slow", "pixels", "slow pixels"),
        # These name an app and a queue of Celery's.
        ("celery:slow", "pixels", "default default"),
    ],
)
def test_task_is_made_with_the_backend_and_the_queue_of_the_settings(
    background: str, queue: str | None, expected: str
):
    """Django wants these to exist when a task is made."""
    given = {"PTRACK_BACKGROUND": background, "PTRACK_BACKGROUND_QUEUE": queue}
    out = run_python(
        SITE.format(backend=IMMEDIATE, queues=["default", "pixels"], given=given)
        + "from ptrack.background.tasks import record\n"
        "print(record.backend, record.queue_name)\n"
    )
    assert out.strip() == expected


def test_site_without_a_queue_named_default_works():
    given = {"PTRACK_BACKGROUND": "tasks", "PTRACK_BACKGROUND_QUEUE": "pixels"}
    out = run_python(
        SITE.format(backend=IMMEDIATE, queues=["pixels"], given=given)
        + "from django.core.checks import run_checks\n"
        "print([each.id for each in run_checks()])\n"
    )
    # No callback is registered; nothing is wrong with the queue.
    assert out == "['ptrack.W006']\n"
