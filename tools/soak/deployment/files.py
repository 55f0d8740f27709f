"""The files of the recipes, read as systemd and nginx do, for one machine."""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.soak.places import ROOT
from tools.soak.processes import SoakError

FILES = ROOT / "example" / "deployment"
VENV = "/srv/recording/venv/bin/"


def text(name: str) -> str:
    """Give a file of the recipes."""
    return (FILES / name).read_text()


def command(unit: str, changes: Mapping[str, str] | None = None) -> list[str]:
    """Give the command that a unit starts, with the programs of this environment.

    Args:
        unit: The name of the file.
        changes: Words to be put in the place of others, each of which is there.

    Raises:
        SoakError: One isn't.
    """
    started = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", text(unit), re.MULTILINE)
    if started is None:
        raise SoakError(f"{unit} starts nothing")
    words = shlex.split(started[1].replace("\\\n", " "))
    for old, new in (changes or {}).items():
        if old not in words:
            raise SoakError(f"{unit} has no {old} in its command")
        words[words.index(old)] = new
    return [str(program(words[0].removeprefix(VENV))), *words[1:]]


def program(name: str) -> Path:
    """Give a program of this environment, not of whatever is first in PATH."""
    return Path(sys.executable).with_name(name)


def replaced(name: str, changes: Mapping[str, str]) -> str:
    """Give a file with what differs on this machine.

    Args:
        name: Of the file.
        changes: What to put in the place of what, each of which is there.

    Raises:
        SoakError: One isn't.
    """
    found = text(name)
    for old, new in changes.items():
        if old not in found:
            raise SoakError(f"{name} has no {old}")
        found = found.replace(old, new)
    return found
