"""The environments that the sides run in, and the programs of the wire.

django-ptrack 3.0.0 is imported by the same name as the checkout, so each side has an
environment of its own, all with the same Python, Django and servers.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORKERS = HERE / "workers"
ENVIRONMENTS = HERE / ".envs"

# The newest with long-term support that each supported Python can run.
DJANGO = "Django>=5.2,<5.3"
SERVERS = ("granian", "gunicorn", "pyuwsgi", "uvicorn")
PROGRAMS = {"nginx": "nginx-light", "wrk": "wrk"}
"""The programs that the wire needs, each with its Debian package."""
REDIS = {"redis-server": "redis-server"}
"""The programs that Celery's case needs, each with its Debian package."""

OURS, THREE, PYTRACKING = "ours", "three", "pytracking"
QUEUEING = "queueing"
"""Ours too, with another Django site: hits that are left to a worker."""
REQUIREMENTS = {
    # The extra has the servers; they are named for their versions to be read below.
    OURS: (
        "--editable",
        f"{ROOT}[bench,tasks]",
        "django-tasks-db",
    ),
    THREE: ("django-ptrack==3.0.0",),
    PYTRACKING: ("pytracking[django,crypto,html]",),
}
NAMES = {
    OURS: "ptrack",
    THREE: "django-ptrack 3.0.0",
    PYTRACKING: "pytracking",
}
SHOWN = (
    *("Django", "asgiref", "PyNaCl", "WebOb", "django-ptrack", "pytracking"),
    *("cryptography", "lxml", "celery", "redis", "django-tasks-db", *SERVERS),
)
"""The distributions whose versions the results show."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        side: The side that runs in it: `OURS`, `THREE`, `PYTRACKING` or `QUEUEING`.
        place: Its directory.
    """

    side: str
    place: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.place / "bin" / "python")

    def find_program(self, name: str) -> str:
        """Return the path of a program that is installed in it."""
        return str(self.place / "bin" / name)

    def list_versions(self) -> dict[str, str]:
        """Return the versions of the installed distributions, by name."""
        listed = _run(
            [self.python, "-m", "pip", "list", "--format", "json"], quiet=True
        )
        return {each["name"].lower(): each["version"] for each in json.loads(listed)}


def read_version(python: str) -> str:
    """Return the version of an interpreter, such as ``"3.12.1"``."""
    command = "import platform; print(platform.python_version())"
    return _run([python, "-c", command]).strip()


def prepare(python: str) -> dict[str, Environment]:
    """Return the environments of the sides; make those that aren't there yet.

    Args:
        python: The interpreter that they are for.
    """
    ours = _prepare_side(OURS, python, [DJANGO, *SERVERS])
    # The others get the same versions.
    found = ours.list_versions()
    same = [f"{name}=={found[name.lower()]}" for name in ("Django", *SERVERS)]
    peers = {side: _prepare_side(side, python, same) for side in (THREE, PYTRACKING)}
    return {OURS: ours, **peers, QUEUEING: replace(ours, side=QUEUEING)}


def choose_versions(environments: Mapping[str, Environment]) -> dict[str, str]:
    """Return the versions that belong beside the results, ours and the peers'."""
    shown: dict[str, str] = {}
    for environment in environments.values():
        found = environment.list_versions()
        for name in SHOWN:
            if name.lower() in found:
                shown.setdefault(name, found[name.lower()])
    return shown


def install_programs(needed: Mapping[str, str], *, insist: bool) -> list[str]:
    """Install programs if that is possible; return the packages still missing.

    Args:
        needed: Programs, and the packages that they are in.
        insist: Try it also as another user than root.
    """
    missing = _find_missing(needed)
    if missing and shutil.which("apt-get") and (insist or os.geteuid() == 0):
        print(f"installing {' '.join(missing)} with apt-get")
        # Otherwise apt-get would start nginx as a service of the machine.
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        options = ["-y", "-qq", "--no-install-recommends"]
        for command in (["update", "-qq"], ["install", *options, *missing]):
            subprocess.run(
                ["apt-get", *command], env=quiet, check=False, stdout=subprocess.DEVNULL
            )
        missing = _find_missing(needed)
    return missing


def make_environ(**variables: str) -> dict[str, str]:
    """Return this process's variables without those that would lead a side astray."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PTRACK_", "PYTHON", "DJANGO_"))
    }
    return {**kept, "PYTHONWARNINGS": "ignore", **variables}


def _prepare_side(side: str, python: str, wanted: list[str]) -> Environment:
    version = read_version(python)
    environment = Environment(side, ENVIRONMENTS / f"{side}-{version}")
    requirements = [*REQUIREMENTS[side], *wanted]
    stamp = environment.place / "requirements"
    content = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == content:
        return environment
    print(f"setting up the environment of {NAMES[side]} for Python {version}")
    _run([python, "-m", "venv", "--clear", str(environment.place)])
    pip = [environment.python, "-m", "pip", "install", "-qq"]
    _run([*pip, "--disable-pip-version-check", *requirements])
    # This comes last, so that an interrupted environment is made again.
    stamp.write_text(content)
    return environment


def _run(command: list[str], *, quiet: bool = False) -> str:
    done = subprocess.run(
        command,
        cwd=HERE,
        env=make_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        check=True,
    )
    return done.stdout


def _find_missing(needed: Mapping[str, str]) -> list[str]:
    return [package for program, package in needed.items() if not shutil.which(program)]
