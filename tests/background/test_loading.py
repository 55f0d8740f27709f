"""ptrack.background: an engine is found by its setting, or an error says the remedy."""

import sys
from typing import Any

import pytest

from ptrack.background import load_engine
from ptrack.exceptions import PtrackConfigurationError
from tests.processes import run_python


class OwnEngine:
    """An engine of a project's own."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def enqueue(self, job: str) -> None:
        self.jobs.append(job)


class AsyncEngine(OwnEngine):
    async def enqueue(self, job: str) -> None:  # type: ignore[override]
        """Nobody awaits this."""


class BrokenEngine(OwnEngine):
    def __init__(self) -> None:
        raise OSError("no broker")


def test_own_engine_is_found_by_its_path():
    assert isinstance(load_engine(f"{__name__}.OwnEngine"), OwnEngine)


def test_own_engine_may_be_an_object():
    own = OwnEngine()
    assert load_engine(own) is own


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no.such.Engine", r"no\.such\.Engine can't be imported \(ModuleNotFoundError"),
        (f"{__name__}.Missing", r"Missing can't be imported \(AttributeError"),
        ("redis", 'redis is neither "celery" nor "tasks", nor the path of a class'),
        (
            "celery:app",
            "app isn't the dotted path of an app: for example \"celery:shop",
        ),
        (
            f"{__name__}.BrokenEngine",
            r"BrokenEngine can't be made \(OSError: no broker\)",
        ),
        ("builtins.dict", r"dict isn't an engine: it needs a method enqueue\(job\)"),
        (7, "int isn't an engine"),
        (OwnEngine, "OwnEngine is a class: assign an object of it"),
        (f"{__name__}.AsyncEngine", "nothing would wait for AsyncEngine"),
        ("celery:no.such.app", r"no\.such\.app can't be imported"),
        (f"celery:{__name__}.OwnEngine", "isn't a Celery app"),
        ("tasks:missing", "missing"),
    ],
)
def test_anything_but_an_engine_is_refused(spec: Any, message: str):
    with pytest.raises(PtrackConfigurationError, match=message) as caught:
        load_engine(spec)
    assert str(caught.value).startswith("PTRACK_BACKGROUND")


@pytest.mark.parametrize(
    ("name", "blocked"), [("celery", "celery"), ("tasks", "django_tasks")]
)
def test_error_about_a_missing_library_names_the_extra_that_installs_it(
    name: str, blocked: str, monkeypatch: pytest.MonkeyPatch
):
    for module in (f"ptrack.background.{name}", blocked, "django.tasks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    for module in (blocked, "django.tasks"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        PtrackConfigurationError, match=rf'pip install "django-ptrack\[{name}\]"$'
    ):
        load_engine(name)


def test_tasks_are_refused_outside_django():
    out = run_python(
        "import ptrack.wsgi\n"
        "try: ptrack.wsgi.mirror(secret='s' * 32, background='tasks')\n"
        "except ptrack.exceptions.PtrackConfigurationError as error: print(error)\n"
    )
    assert out.startswith("""PTRACK_BACKGROUND is "tasks", and that isn't set up: """)


def test_process_that_only_makes_urls_needs_no_engine():
    out = run_python(
        "import ptrack; print(ptrack.pixel_url(1))\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://www.example.com",
        PTRACK_BACKGROUND="no.such.Engine",
    )
    assert out.startswith("https://www.example.com/ptrack/")


def test_missing_engine_is_an_error_at_start_up_outside_django():
    out = run_python(
        "import ptrack.wsgi\n"
        "try: ptrack.wsgi.mirror()\n"
        "except ptrack.exceptions.PtrackConfigurationError as error: print(error)\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_BACKGROUND="no.such.Engine",
    )
    assert out.startswith("PTRACK_BACKGROUND: no.such.Engine can't be imported")


def test_engine_is_loaded_once_and_at_start_up():
    """Then each hit uses the same one."""
    out = run_python(
        "import ptrack, ptrack.wsgi\n"
        "from webtest import TestApp\n"
        "class Engine:\n"
        "    def __init__(self): print('made')\n"
        "    def enqueue(self, job): print('enqueued')\n"
        "@ptrack.tracker.register\n"
        "class Slow(ptrack.TrackingPixel):\n"
        "    background = True\n"
        "    def record(self, request): print('recorded')\n"
        "app = ptrack.wsgi.mirror()\n"
        "for _ in range(2): TestApp(app).get(app.pixel_url())\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://www.example.com",
        PTRACK_BACKGROUND="__main__.Engine",
    )
    assert out.split() == ["made", "enqueued", "enqueued"]
