"""What is to be reached: every goal is a number of one run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import growth
from .environments import OURS, PYTRACKING, THREE

Results = dict[str, Any]


class UnmeasuredError(Exception):
    """A part that the number needs was left out."""


@dataclass(frozen=True)
class Goal:
    """A number and its bound.

    Attributes:
        case: What it is of.
        bound: What it is to be at most, or at least.
        of: Gives it.
        least: The bound is the least.
        unit: What it is in; a ratio if empty.
    """

    case: str
    bound: float
    of: Callable[[Results], float]
    least: bool = False
    unit: str = ""

    @property
    def text(self) -> str:
        """The bound in words."""
        return f"{'≥' if self.least else '≤'} {self.bound:g}{self.unit}"

    def reached(self, number: float) -> bool:
        """Judge the number."""
        return number >= self.bound if self.least else number <= self.bound


def call(side: str, case: str) -> Callable[[Results], float]:
    """Give the microseconds of a case."""
    return lambda results: float(results["per_call"][f"{side}/{case}"]["median"])


def rate(server: str) -> Callable[[Results], float]:
    """Give the requests per second of a server."""

    def found(results: Results) -> float:
        if not results["wire"]:
            raise UnmeasuredError
        return float(results["wire"][server]["requests_per_second"])

    return found


def ratio(
    above: Callable[[Results], float], *below: Callable[[Results], float]
) -> Callable[[Results], float]:
    """Give one number divided by the sum of others."""
    return lambda results: above(results) / sum(each(results) for each in below)


def difference(
    more: Callable[[Results], float], less: Callable[[Results], float]
) -> Callable[[Results], float]:
    """Give one number minus another."""
    return lambda results: more(results) - less(results)


def grown(results: Results) -> float:
    """Give by how many MiB the memory grew."""
    return growth.grown(results["memory"]) / 1024**2


def ours(case: str) -> Callable[[Results], float]:
    """Give the microseconds of one of our cases."""
    return call(OURS, case)


GOALS = (
    Goal("WSGI hit / the bare callable", 1.5, ratio(ours("wsgi"), ours("bare"))),
    Goal(
        "ASGI hit / the bare ASGI callable",
        1.5,
        ratio(ours("asgi"), ours("bare_asgi")),
    ),
    Goal(
        "Django hit, default middleware: 3.0.0 / ours",
        2.9,
        ratio(call(THREE, "django"), ours("django")),
        least=True,
    ),
    Goal(
        "Django hit: pytracking / ours",
        5,
        ratio(call(PYTRACKING, "django"), ours("django")),
        least=True,
    ),
    Goal(
        "WSGI middleware around Django: 3.0.0 / ours",
        12,
        ratio(call(THREE, "django"), ours("around")),
        least=True,
    ),
    Goal(
        "Django hit / (constant answer from a first middleware + decryption floor)",
        1.25,
        ratio(ours("django"), ours("constant"), ours("decrypt")),
    ),
    Goal(
        "passing through, WSGI: more than calling the app",
        0.25,
        difference(ours("pass_wsgi"), ours("pass_app")),
        unit=" µs",
    ),
    Goal(
        "passing through, Django: more than a do-nothing middleware",
        0.4,
        difference(ours("pass_django"), ours("pass_idle")),
        unit=" µs",
    ),
    Goal("`pixel_url` / encryption floor", 1.5, ratio(ours("url"), ours("encrypt"))),
    Goal(
        "rendered tag: 3.0.0 / ours",
        2,
        ratio(call(THREE, "tag_template"), ours("tag_template")),
        least=True,
    ),
    Goal(
        "URL: pytracking / ours",
        1.5,
        ratio(call(PYTRACKING, "url"), ours("url")),
        least=True,
    ),
    Goal("forged token / valid token, WSGI", 1, ratio(ours("forged"), ours("wsgi"))),
    Goal(
        "garbage of 60,000 characters in the middleware",
        3,
        ours("garbage_60000"),
        unit=" µs",
    ),
    Goal(
        "mirror on Granian / the bare callable on Granian, requests/s",
        0.9,
        ratio(rate("granian/mirror"), rate("granian/bare")),
        least=True,
    ),
    Goal(
        "mirror on Granian / 3.0.0's site on Granian, requests/s",
        8,
        ratio(rate("granian/mirror"), rate(f"granian/{THREE}")),
        least=True,
    ),
    Goal(
        "memory: growth over all hits",
        growth.NOISE / 1024**2,
        grown,
        unit=" MiB",
    ),
)


def judged(results: Results) -> list[tuple[Goal, float | None]]:
    """Give the goals with what was measured, ``None`` where nothing was."""

    def number(goal: Goal) -> float | None:
        try:
            return goal.of(results)
        except UnmeasuredError:
            return None

    return [(goal, number(goal)) for goal in GOALS]
