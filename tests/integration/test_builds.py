"""Wheel and sdist: the same bytes in each build, and the files in them."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.processes import ROOT, make_environment

from .sources import copy_sources

pytestmark = pytest.mark.once

NAME = "django_ptrack-4.0.0"


def build(sources: Path, umask: int) -> dict[str, bytes]:
    """Build sdist and wheel; return their bytes by name."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "out", "."],
        cwd=sources,
        env=make_environment(SOURCE_DATE_EPOCH="1700000000", PYTHONPATH=""),
        umask=umask,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return {path.name: path.read_bytes() for path in (sources / "out").iterdir()}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Return two directories with the same build: of other names, modes and times."""
    places = [tmp_path_factory.mktemp(name) / "sources" for name in ("one", "another")]
    for place, umask, mode in zip(places, (0o022, 0o077), (0o644, 0o600), strict=True):
        copy_sources(place)
        for path in place.rglob("*.py"):
            path.chmod(mode)
            os.utime(path, (mode * 10**6, mode * 10**6))
        build(place, umask)
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
    assert "ptrack/stats/templates/admin/ptrack_stats/report.html" in package
    assert "ptrack/stats/static/ptrack_stats/report.css" in package
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
    assert not re.search(r'(\]\(|src=")(docs|tools|\w+\.md)', shown)


@pytest.fixture(scope="module")
def unpacked(builds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("unpacked")
    # The argument "filter" of tarfile is new in Python 3.11.4, and 3.12 wants it.
    archive = builds[0] / f"{NAME}.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", place], check=True, timeout=60)
    return place / NAME


def find_files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


DIRECTORIES = (".ci", "docs", "example", "ptrack", "tests", "tools")


def test_sdist_holds_the_sources_and_their_tests_and_nothing_else(builds, unpacked):
    sources = builds[0].parent
    at_the_top = {
        *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile"),
        *("PKG-INFO", "README.md", "SECURITY.md", "pyproject.toml", "setup.cfg"),
        *("pytest_ptrack.py", "setup.py", "tox.ini"),
    }
    below = {
        f"{name}/{file}" for name in DIRECTORIES for file in find_files(sources / name)
    }
    assert "tests/conftest.py" in below
    found = {name for name in find_files(unpacked) if ".egg-info/" not in name}
    assert found == at_the_top | below


def test_sdist_has_all_that_its_tests_import(unpacked):
    """It only collects them: the suite is running already."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"],
        cwd=unpacked,
        env=make_environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_setup_py_test_runs_the_suite():
    """It only collects them: the suite is running already."""
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "test"],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": "--collect-only -q"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "tests/test_docs.py::test_logger_is_used_in_no_other_way" in done.stdout
