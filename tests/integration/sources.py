"""Copies of the project, to build from."""

import shutil
from pathlib import Path

from tests.processes import ROOT

NOT_OURS = shutil.ignore_patterns(
    *(".*env*", ".tox", ".git", ".coverage*", "__pycache__"),
    *("*.egg-info", "build", "dist", "var", "crashes"),
)


def copy_sources(place: Path) -> Path:
    """Copy the project to a directory that isn't there yet; return that."""
    return shutil.copytree(ROOT, place, ignore=NOT_OURS)
