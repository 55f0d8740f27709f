"""Wheel and sdist: the same bytes again and again, and what is in them."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.processes import ROOT, environment

from .sources import copy_sources

pytestmark = pytest.mark.once

NAME = "django_ptrack-4.0.0"


def built(sources: Path, umask: int) -> dict[str, bytes]:
    """Build sdist and wheel; give their bytes by name."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "out", "."],
        cwd=sources,
        env=environment(SOURCE_DATE_EPOCH="1700000000", PYTHONPATH=""),
        umask=umask,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in (sources / "out").iterdir()}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Two directories with the same build: of other names, modes and times."""
    places = [tmp_path_factory.mktemp(name) / "sources" for name in ("one", "another")]
    for place, umask, mode in zip(places, (0o022, 0o077), (0o644, 0o600), strict=True):
        copy_sources(place)
        for path in place.rglob("*.py"):
            path.chmod(mode)
            os.utime(path, (mode * 10**6, mode * 10**6))
        built(place, umask)
    return [place / "out" for place in places]


def test_builds_of_the_same_sources_are_the_same_bytes(builds):
    one, another = ({path.name: path for path in place.iterdir()} for place in builds)
    assert sorted(one) == sorted(another)
    assert sorted(one) == [f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"]
    for name, path in one.items():
        assert path.read_bytes() == another[name].read_bytes(), name


def test_wheel_holds_the_package_and_nothing_else(builds):
    with zipfile.ZipFile(builds[0] / f"{NAME}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
    package = {
        str(path.relative_to(ROOT))
        for pattern in ("**/*.py", "*/templates/**/*.html", "*/static/**/*.css")
        for path in ROOT.glob(f"ptrack/{pattern}")
    }
    assert "ptrack/templatetags/ptrack.py" in package
    assert "ptrack/opens/templates/admin/ptrack_opens/days.html" in package
    assert "ptrack/opens/static/ptrack_opens/days.css" in package
    about = {
        f"{NAME}.dist-info/{name}"
        for name in (
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
            "top_level.txt",
        )
    }
    assert names == package | {"ptrack/py.typed", "pytest_ptrack.py"} | about


def test_description_is_the_readme_with_links_that_lead_somewhere(builds):
    with zipfile.ZipFile(builds[0] / f"{NAME}-py3-none-any.whl") as wheel:
        text = wheel.read(f"{NAME}.dist-info/METADATA").decode()
    shown = text.partition("\n\n")[2]
    start = "https://github.com/indeedeng/django-ptrack"
    for picture in ("tools/benchmarks/chart.svg", "docs/demo.png"):
        assert f"{start}/raw/HEAD/{picture}" in shown
    assert f"]({start}/blob/HEAD/SECURITY.md)" in shown
    readme = (ROOT / "README.md").read_text()
    assert (
        shown.replace(f"{start}/raw/HEAD/", "")
        .replace(f"{start}/blob/HEAD/", "")
        .strip()
        == readme.strip()
    )
    assert not re.search(r'(\]\(|src=")(docs|benchmarks|\w+\.md)', shown)


@pytest.fixture(scope="module")
def unpacked(builds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("unpacked")
    # Not by tarfile: its argument "filter" came with Python 3.11.4, and 3.12 wants it.
    archive = builds[0] / f"{NAME}.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", place], check=True, timeout=60)
    return place / NAME


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


DIRECTORIES = (
    *(".ci", "benchmarks", "docs", "example", "fuzz", "ptrack", "soak", "tests"),
)


def test_sdist_holds_what_is_needed_to_test_it_and_nothing_else(builds, unpacked):
    sources = builds[0].parent
    at_the_top = {
        *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile"),
        *("PKG-INFO", "README.md", "SECURITY.md", "pyproject.toml", "setup.cfg"),
        *("pytest_ptrack.py", "setup.py", "tox.ini"),
    }
    below = {f"{name}/{file}" for name in DIRECTORIES for file in files(sources / name)}
    assert "tests/conftest.py" in below
    found = {name for name in files(unpacked) if ".egg-info/" not in name}
    assert found == at_the_top | below


def test_sdist_has_all_that_its_tests_import(unpacked):
    """Told to collect only: the suite is running already."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"],
        cwd=unpacked,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_setup_py_test_runs_the_suite():
    """Told to collect only: the suite is running already."""
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "test"],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": "--collect-only -q"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/core/test_tokens.py::test_token_has_one_spelling" in done.stdout
