"""The mark of all integration tests, and the fixtures that several files share.

A file whose tests wait for servers or a browser may be marked ``flaky(reruns=1)``: each
may then run a second time. A file that looks for lost hits never is: one lost hit is
too many.
"""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.processes import make_environment

from .sources import copy_sources

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test in this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a wheel of the project as it stands here."""
    place = tmp_path_factory.mktemp("wheel")
    build = ("build", "--wheel", "--no-isolation", "--outdir", place / "dist", ".")
    subprocess.run(
        [sys.executable, "-m", *build],
        check=True,
        cwd=copy_sources(place / "sources"),
        env=make_environment(PYTHONPATH=""),
        capture_output=True,
        timeout=240,
    )
    [found] = (place / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="session")
def python_300(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an interpreter with django-ptrack 3.0.0, in a temporary environment."""
    place = tmp_path_factory.mktemp("three")
    venv.create(place, with_pip=True)
    python = place / "bin/python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "django-ptrack==3.0.0"],
        check=True,
        env=make_environment(PYTHONPATH=""),
        capture_output=True,
        timeout=300,
    )
    return python
