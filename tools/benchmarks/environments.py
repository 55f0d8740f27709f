"""The environments that the sides run in, and the programs of the wire.

django-ptrack 3.0.0 is imported by the same name as the checkout, so every side has an
environment of its own, with the same Python, Django and servers.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORKERS = HERE / "workers"
ENVIRONMENTS = HERE / ".envs"

SERVERS = ("granian", "gunicorn", "pyuwsgi", "uvicorn")
PROGRAMS = {"nginx": "nginx-light", "wrk": "wrk"}
"""What the wire needs, and the package of Debian that it is in."""
REDIS = {"redis-server": "redis-server"}
"""What Celery's case needs, likewise."""

OURS, THREE, PYTRACKING = "ours", "three", "pytracking"
QUEUEING = "queueing"
"""Ours too, with another Django site: hits that are left to a worker."""
REQUIREMENTS = {
    # The extra has the servers; they are named for their versions to be read below.
    OURS: (
        "--editable",
        f"{ROOT}[bench,celery,tasks]",
        "celery[redis]",
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
"""The distributions whose versions are told."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        side: Whose it is: `OURS`, `THREE` or `PYTRACKING`.
        place: Its directory.
    """

    side: str
    place: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.place / "bin" / "python")

    def program(self, name: str) -> str:
        """Give the path of a program that is installed in it."""
        return str(self.place / "bin" / name)

    def versions(self) -> dict[str, str]:
        """Give the versions of what is installed in it, by name."""
        listed = _run(
            [self.python, "-m", "pip", "list", "--format", "json"], quiet=True
        )
        return {each["name"].lower(): each["version"] for each in json.loads(listed)}


def prepare() -> dict[str, Environment]:
    """Give the environments, making those that aren't there yet."""
    django = _version_here("Django")
    wanted = [f"Django=={django}" if django else "Django", *SERVERS]
    ours = _prepared(OURS, wanted)
    # What was the newest for the first is what the others get.
    found = ours.versions()
    pinned = [f"{name}=={found[name.lower()]}" for name in ("Django", *SERVERS)]
    peers = {side: _prepared(side, pinned) for side in (THREE, PYTRACKING)}
    return {OURS: ours, **peers, QUEUEING: replace(ours, side=QUEUEING)}


def shown_versions(environments: Mapping[str, Environment]) -> dict[str, str]:
    """Give the versions that belong beside the results, ours and the peers'."""
    shown: dict[str, str] = {}
    for environment in environments.values():
        found = environment.versions()
        for name in SHOWN:
            if name.lower() in found:
                shown.setdefault(name, found[name.lower()])
    return shown


def missing_programs(needed: Mapping[str, str], *, install: bool) -> list[str]:
    """Give the packages that are lacking, after installing them if that is possible.

    Args:
        needed: Programs, and the packages that they are in.
        install: Insist on trying; else it is only tried as root.
    """
    missing = _missing(needed)
    if missing and shutil.which("apt-get") and (install or os.geteuid() == 0):
        print(f"installing {' '.join(missing)} with apt-get")
        # Else installing the package would start nginx as a service of the machine.
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        options = ["-y", "-qq", "--no-install-recommends"]
        for command in (["update", "-qq"], ["install", *options, *missing]):
            subprocess.run(
                ["apt-get", *command], env=quiet, check=False, stdout=subprocess.DEVNULL
            )
        missing = _missing(needed)
    return missing


def clean_environ(**variables: str) -> dict[str, str]:
    """Give this process's variables without what would lead a side astray."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PTRACK_", "PYTHON", "DJANGO_"))
    }
    return {**kept, "PYTHONWARNINGS": "ignore", **variables}


def _prepared(side: str, wanted: list[str]) -> Environment:
    environment = Environment(side, ENVIRONMENTS / side)
    requirements = [*REQUIREMENTS[side], *wanted]
    stamp = environment.place / "requirements"
    python = f"Python {sys.version.split()[0]}"
    content = "\n".join([python, *requirements])
    if stamp.exists() and stamp.read_text() == content:
        return environment
    print(f"setting up the environment of {NAMES[side]}")
    _run([sys.executable, "-m", "venv", "--clear", str(environment.place)])
    pip = [environment.python, "-m", "pip", "install", "-qq"]
    _run([*pip, "--disable-pip-version-check", *requirements])
    # Last: what was cut off half-way is made again.
    stamp.write_text(content)
    return environment


def _run(command: list[str], *, quiet: bool = False) -> str:
    done = subprocess.run(
        command,
        cwd=HERE,
        env=clean_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        check=True,
    )
    return done.stdout


def _missing(needed: Mapping[str, str]) -> list[str]:
    return [package for program, package in needed.items() if not shutil.which(program)]


def _version_here(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
