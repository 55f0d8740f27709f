"""ptrack.background.tasks, with the backends that Django and its backport bring."""

import traceback
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import django
import pytest

import ptrack
from ptrack import background as engines
from ptrack import conf
from ptrack.background.worker import ATTEMPTS
from ptrack.exceptions import PtrackConfigurationError, PtrackRecordingError
from tests.processes import run_python
from tests.recording import emptied

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
IMMEDIATE = f"{PACKAGE}.backends.immediate.ImmediateBackend"
KEEPING = f"{PACKAGE}.backends.dummy.DummyBackend"

tasks: Any = import_module(PACKAGE)


@pytest.fixture
def calls(settings: Any) -> Iterator[list[Any]]:
    found: list[Any] = []
    with emptied(ptrack.tracker):

        @ptrack.tracker.register
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
                found.append((request, args, kwargs))
                if "fail" in args:
                    raise OSError

        yield found


def set_up(settings: Any, backend: str = IMMEDIATE, **more: Any) -> None:
    settings.TASKS = {
        "default": {"BACKEND": backend},
        "other": {"BACKEND": KEEPING, "QUEUES": ["pixels"]},
    }
    # The backport doesn't look for overrides, as Django does.
    for alias in ("default", "other"):
        if hasattr(tasks.task_backends._connections, alias):
            delattr(tasks.task_backends._connections, alias)
    tasks.task_backends.__dict__.pop("settings", None)
    tasks.task_backends._settings = None
    settings.PTRACK_BACKGROUND = "tasks"
    for name, value in more.items():
        setattr(settings, name, value)


def hit(client: Any, *args: Any) -> Any:
    path = ptrack.pixel_url(*args).removeprefix("https://www.example.com")
    return client.get(path, headers={"User-Agent": "Mail/1"})


def enqueued(alias: str = "default") -> list[Any]:
    return list(tasks.task_backends[alias].results)


def test_task_is_done_by_whatever_backend_there_is(
    client: Any, settings: Any, calls: list[Any]
):
    set_up(settings)
    hit(client, 1)
    ((request, args, kwargs),) = calls
    assert type(request).__name__ == "PixelRequest"
    assert (request.headers["User-Agent"], args, kwargs) == ("Mail/1", (1,), {})


def test_hit_is_enqueued_and_nothing_else_is_done(
    client: Any, settings: Any, calls: list[Any]
):
    set_up(settings, KEEPING)
    hit(client, 1)
    assert calls == []
    (result,) = enqueued()
    assert result.task.module_path == "ptrack.background.tasks.record"
    result.task.call(*result.args, **result.kwargs)
    assert calls[0][1] == (1,)


def test_backend_and_queue_are_those_that_are_named(
    client: Any, settings: Any, calls: list[Any]
):
    set_up(
        settings,
        KEEPING,
        PTRACK_BACKGROUND="tasks:other",
        PTRACK_BACKGROUND_QUEUE="pixels",
    )
    hit(client, 1)
    assert enqueued() == []
    (result,) = enqueued("other")
    assert result.task.queue_name == "pixels"


@pytest.mark.parametrize(
    ("backend", "queue", "message"),
    [("missing", None, "missing"), (None, "missing", "Queue 'missing' is not valid")],
)
def test_backend_and_queue_have_to_exist(
    backend: str | None, queue: str | None, message: str, settings: Any
):
    set_up(settings)
    with pytest.raises(PtrackConfigurationError, match=message):
        engines.load("tasks").engine(backend, queue)


def test_failure_is_tried_again_later_where_the_backend_can_wait(
    client: Any, settings: Any, calls: list[Any]
):
    set_up(settings, KEEPING)
    hit(client, "fail")
    delays = []
    for _ in range(ATTEMPTS - 1):
        result = enqueued()[-1]
        result.task.call(*result.args, **result.kwargs)
        following = enqueued()[-1]
        assert following is not result
        waits = following.task.run_after - following.enqueued_at
        delays.append(round(waits.total_seconds()))
    assert delays[:4] == [1, 2, 4, 8]
    last = enqueued()[-1]
    with pytest.raises(PtrackRecordingError):
        last.task.call(*last.args, **last.kwargs)
    assert enqueued()[-1] is last
    assert len(calls) == ATTEMPTS
    hits = {ptrack.hit(request) for request, *_ in calls}
    assert len(hits) == 1


def test_failure_whose_next_attempt_is_refused_is_the_backends_and_logged(
    client: Any,
    settings: Any,
    calls: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    """Its database is locked for that too, say; no frame holds the job."""
    set_up(settings, KEEPING)
    hit(client, "fail")
    (result,) = enqueued()

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


def test_failure_where_the_backend_can_not_wait_is_the_backends(
    client: Any, settings: Any, calls: list[Any]
):
    set_up(settings)
    assert hit(client, "fail").status_code == 200
    assert len(calls) == 1


def test_options_of_the_task_are_the_settings(settings: Any):
    """Django wants the backend and the queue to exist when a task is made."""
    assert conf.tasks_options() == {}
    settings.PTRACK_BACKGROUND = "tasks"
    assert conf.tasks_options() == {}
    settings.PTRACK_BACKGROUND_QUEUE = "pixels"
    assert conf.tasks_options() == {"queue_name": "pixels"}
    settings.PTRACK_BACKGROUND = "tasks:slow"
    assert conf.tasks_options() == {"queue_name": "pixels", "backend": "slow"}
    settings.PTRACK_BACKGROUND = "celery:shop.app"
    assert conf.tasks_options() == {}


def test_site_without_a_default_queue_works():
    backends = {"default": {"BACKEND": IMMEDIATE, "QUEUES": ["pixels"]}}
    out = run_python(
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(\n"
        "    INSTALLED_APPS=['ptrack'],\n"
        "    MIDDLEWARE=['ptrack.middleware.PtrackMiddleware'],\n"
        "    PTRACK_SECRET='s' * 32,\n"
        "    PTRACK_BACKGROUND='tasks',\n"
        "    PTRACK_BACKGROUND_QUEUE='pixels',\n"
        f"    TASKS={backends!r},\n"
        "    USE_TZ=True,\n"
        ")\n"
        "django.setup()\n"
        "from django.core.checks import run_checks\n"
        "print([each.id for each in run_checks()])\n"
    )
    assert out == "[]\n"
