"""ptrack.background: an engine is found by what the setting says, or an error says how."""

import sys
from typing import Any

import pytest

from ptrack import background as engines
from ptrack.background import LazyEngine
from ptrack.exceptions import PtrackConfigurationError
from tests.processes import run_python


class Own:
    """An engine of a project's own."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def enqueue(self, job: str) -> None:
        self.jobs.append(job)


class Async(Own):
    async def enqueue(self, job: str) -> None:  # type: ignore[override]
        """Be called, and never awaited."""


class Unmakeable(Own):
    def __init__(self) -> None:
        raise OSError("no broker")


def test_engine_of_ones_own_is_found_by_its_path():
    assert isinstance(engines.engine(f"{__name__}.Own"), Own)


def test_engine_of_ones_own_may_be_an_object():
    own = Own()
    assert engines.engine(own) is own


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no.such.Engine", r"no\.such\.Engine can't be imported \(ModuleNotFoundError"),
        (f"{__name__}.Missing", r"Missing can't be imported \(AttributeError"),
        ("redis", 'redis is neither "celery" nor "tasks", nor the path of a class'),
        ("celery:app", 'app is no dotted path of an app: for example "celery:shop'),
        (f"{__name__}.Unmakeable", r"Unmakeable can't be made \(OSError: no broker\)"),
        ("builtins.dict", r"dict is no engine: it needs a method enqueue\(job\)"),
        (7, "int is no engine"),
        (Own, "Own is a class: give an object of it"),
        (f"{__name__}.Async", "nobody would wait for Async"),
        ("celery:no.such.app", r"no\.such\.app can't be imported"),
        (f"celery:{__name__}.Own", "is no Celery app"),
        ("tasks:missing", "missing"),
    ],
)
def test_what_is_no_engine_is_refused(spec: Any, message: str):
    with pytest.raises(PtrackConfigurationError, match=message) as caught:
        engines.engine(spec)
    assert str(caught.value).startswith("PTRACK_BACKGROUND")


@pytest.mark.parametrize(
    ("name", "blocked"), [("celery", "celery"), ("tasks", "django_tasks")]
)
def test_what_is_not_installed_is_told_with_what_installs_it(
    name: str, blocked: str, monkeypatch: pytest.MonkeyPatch
):
    for module in (f"ptrack.background.{name}", blocked, "django.tasks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    for module in (blocked, "django.tasks"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        PtrackConfigurationError, match=rf'pip install "django-ptrack\[{name}\]"$'
    ):
        engines.engine(name)


def test_tasks_outside_django_are_an_error_that_says_so():
    out = run_python(
        "import ptrack.wsgi\n"
        "try: ptrack.wsgi.mirror(secret='s' * 32, background='tasks')\n"
        "except ptrack.exceptions.PtrackConfigurationError as error: print(error)\n"
    )
    assert out.startswith("""PTRACK_BACKGROUND is "tasks", and that isn't set up: """)


def test_lazy_engine_is_made_once_and_when_it_is_needed():
    lazy = LazyEngine(f"{__name__}.Own")
    lazy.enqueue("one")
    lazy.enqueue("two")
    made = lazy.load()
    assert isinstance(made, Own)
    assert made.jobs == ["one", "two"]


def test_what_only_makes_pixels_needs_no_engine():
    lazy = LazyEngine(f"{__name__}.Unmakeable")
    with pytest.raises(PtrackConfigurationError):
        lazy.load()


def test_start_up_outside_django_tells_what_is_wrong():
    out = run_python(
        "import ptrack.wsgi\n"
        "try: ptrack.wsgi.mirror()\n"
        "except ptrack.exceptions.PtrackConfigurationError as error: print(error)\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_BACKGROUND="no.such.Engine",
    )
    assert out.startswith("PTRACK_BACKGROUND: no.such.Engine can't be imported")
