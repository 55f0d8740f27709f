"""What grows with the data, the secrets, the callbacks, and with the hits."""

from typing import Any

from .environments import OURS, Environment
from .percall import Medians
from .worker import memory

KINDS = {"wsgi": "WSGI middleware around Django", "django": "Django middleware"}
NOISE = 1024 * 1024
"""How many bytes more are taken for noise: about one per hit."""


def resident(environment: Environment, hits: int) -> dict[str, dict[str, int]]:
    """Make many hits each way; give the memory before and after, in bytes."""
    return {kind: memory(environment, kind, hits) for kind in KINDS}


def grown(found: dict[str, Any]) -> int:
    """Give by how many bytes the memory grew, where it grew most."""
    return max(int(each["after"]) - int(each["before"]) for each in found.values())


def series(medians: Medians, name: str) -> dict[int, float]:
    """Give the microseconds of a case by its size, say ``payload`` by bytes."""
    start = f"{OURS}/{name}_"
    sizes = (key.removeprefix(start) for key in medians if key.startswith(start))
    return {
        int(size): medians[f"{start}{size}"]["median"]
        for size in sizes
        if size.isdecimal()
    }
