"""The growth with the data, the secrets, the callbacks, and with the hits."""

from typing import Any

from .environments import OURS, Environment
from .percall import Medians
from .worker import measure_memory

KINDS = {"wsgi": "WSGI middleware around Django", "django": "Django middleware"}
NOISE = 1024 * 1024
"""Bytes that count as noise: about one per hit."""


def measure(environment: Environment, hits: int) -> dict[str, dict[str, int]]:
    """Make many hits each way; return the memory before and after, in bytes."""
    return {kind: measure_memory(environment, kind, hits) for kind in KINDS}


def find_growth(found: dict[str, Any]) -> int:
    """Return by how many bytes the memory grew, where it grew most."""
    return max(int(each["after"]) - int(each["before"]) for each in found.values())


def find_series(medians: Medians, name: str) -> dict[int, float]:
    """Return the microseconds of a case by its size, say ``payload`` by bytes."""
    start = f"{OURS}/{name}_"
    sizes = (key.removeprefix(start) for key in medians if key.startswith(start))
    return {
        int(size): medians[f"{start}{size}"]["median"]
        for size in sizes
        if size.isdecimal()
    }
