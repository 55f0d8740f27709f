"""The files of the recipes, read as systemd and nginx read them, for one machine."""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.soak.places import ROOT
from tools.soak.processes import SoakError

FILES = ROOT / "example" / "deployment"
VENV = "/srv/recording/venv/bin/"


def read_file(name: str) -> str:
    """Return a file of the recipes."""
    return (FILES / name).read_text()


def read_command(unit: str, changes: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that a unit starts, with the programs of this environment.

    Args:
        unit: The name of the file.
        changes: Words to replace, and their replacements.

    Raises:
        SoakError: A word to replace isn't there.
    """
    started = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", read_file(unit), re.MULTILINE)
    if started is None:
        raise SoakError(f"{unit} starts nothing")
    words = shlex.split(started[1].replace("\\\n", " "))
    for old, new in (changes or {}).items():
        if old not in words:
            raise SoakError(f"{unit} has no {old} in its command")
        words[words.index(old)] = new
    return [str(find_program(words[0].removeprefix(VENV))), *words[1:]]


def find_program(name: str) -> Path:
    """Return a program of this environment, not the one that is first in PATH."""
    return Path(sys.executable).with_name(name)


def replace_parts(name: str, changes: Mapping[str, str]) -> str:
    """Return a file with changes for this machine.

    Args:
        name: The name of the file.
        changes: Parts to replace, and their replacements.

    Raises:
        SoakError: A part to replace isn't there.
    """
    found = read_file(name)
    for old, new in changes.items():
        if old not in found:
            raise SoakError(f"{name} has no {old}")
        found = found.replace(old, new)
    return found
