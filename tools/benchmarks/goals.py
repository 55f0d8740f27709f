"""The goals: each is a bound for a number of one run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import growth
from .environments import OURS, PYTRACKING, THREE

Results = dict[str, Any]


class UnmeasuredError(Exception):
    """A part of the run that the number needs was left out."""


@dataclass(frozen=True)
class Goal:
    """A number and its bound.

    Attributes:
        case: The name of the number.
        bound: The greatest value that is good enough, or the least.
        compute: Returns the number.
        least: Whether the bound is the least value.
        unit: The unit; empty for a ratio.
        since: The lowest version of Python that is judged; older ones only show the
            number.
    """

    case: str
    bound: float
    compute: Callable[[Results], float]
    least: bool = False
    unit: str = ""
    since: tuple[int, int] = (3, 11)

    @property
    def text(self) -> str:
        """The bound in words."""
        return f"{'≥' if self.least else '≤'} {self.bound:g}{self.unit}"

    def judge(self, number: float, results: Results) -> str:
        """Return the verdict in words."""
        if _read_python(results) < self.since:
            return f"judged from Python {self.since[0]}.{self.since[1]} on"
        reached = number >= self.bound if self.least else number <= self.bound
        return "yes" if reached else "**no**"


Number = Callable[[Results], float]
"""Computes a number from the results."""


def find_time(side: str, case: str) -> Number:
    """Return the number of microseconds of a case, in its best round.

    Other work on the machine slows rounds down and speeds none up, so that the ratio of
    two medians may be of that work alone:
    https://docs.python.org/3/library/timeit.html#timeit.Timer.repeat.
    """
    return lambda results: float(results["per_call"][f"{side}/{case}"]["best"])


def find_rate(server: str) -> Number:
    """Return the number of requests per second of a server."""

    def compute(results: Results) -> float:
        if not results["wire"]:
            raise UnmeasuredError
        return float(results["wire"][server]["requests_per_second"])

    return compute


def divide(above: Number, *below: Number) -> Number:
    """Return one number divided by the sum of others."""
    return lambda results: above(results) / sum(each(results) for each in below)


def subtract(more: Number, less: Number) -> Number:
    """Return one number minus another."""
    return lambda results: more(results) - less(results)


def compute_growth(results: Results) -> float:
    """Return by how many MiB the memory grew."""
    return growth.find_growth(results["memory"]) / 1024**2


def find_our_time(case: str) -> Number:
    """Return the number of microseconds of one of our cases."""
    return find_time(OURS, case)


GOALS = (
    Goal(
        "WSGI hit / the bare callable",
        1.25,
        divide(find_our_time("wsgi"), find_our_time("bare")),
    ),
    Goal(
        "ASGI hit, an async callback / the bare ASGI callable",
        1.8,
        divide(find_our_time("asgi"), find_our_time("bare_asgi")),
        # Older ones can't begin a task at once.
        since=(3, 12),
    ),
    Goal(
        "Django hit, default middleware: 3.0.0 / ours",
        2.7,
        divide(find_time(THREE, "django"), find_our_time("django")),
        least=True,
    ),
    Goal(
        "Django hit: pytracking / ours",
        5,
        divide(find_time(PYTRACKING, "django"), find_our_time("django")),
        least=True,
    ),
    Goal(
        "WSGI middleware around Django: 3.0.0 / ours",
        15,
        divide(find_time(THREE, "django"), find_our_time("around")),
        least=True,
    ),
    Goal(
        "Django hit / (constant answer from a first middleware + decryption floor)",
        1.25,
        divide(
            find_our_time("django"), find_our_time("constant"), find_our_time("decrypt")
        ),
    ),
    Goal(
        "passing through, WSGI: more than calling the app",
        0.25,
        subtract(find_our_time("pass_wsgi"), find_our_time("pass_app")),
        unit=" µs",
    ),
    Goal(
        "passing through, Django: more than a do-nothing middleware",
        0.4,
        subtract(find_our_time("pass_django"), find_our_time("pass_idle")),
        unit=" µs",
    ),
    Goal(
        "`pixel_url` / encryption floor",
        1.5,
        divide(find_our_time("url"), find_our_time("encrypt")),
    ),
    Goal(
        "rendered tag: 3.0.0 / ours",
        2,
        divide(find_time(THREE, "tag_template"), find_our_time("tag_template")),
        least=True,
    ),
    Goal(
        "URL: pytracking / ours",
        1.5,
        divide(find_time(PYTRACKING, "url"), find_our_time("url")),
        least=True,
    ),
    Goal(
        "forged token / valid token, WSGI",
        1,
        divide(find_our_time("forged"), find_our_time("wsgi")),
    ),
    Goal(
        "garbage of 60,000 characters in the middleware",
        3,
        find_our_time("garbage_60000"),
        unit=" µs",
    ),
    Goal(
        "mirror on Granian / the bare callable on Granian, requests/s",
        0.9,
        divide(find_rate("granian/mirror"), find_rate("granian/bare")),
        least=True,
    ),
    Goal(
        "mirror on Granian / 3.0.0's site on Granian, requests/s",
        8,
        divide(find_rate("granian/mirror"), find_rate(f"granian/{THREE}")),
        least=True,
    ),
    Goal(
        "memory: growth over all hits",
        growth.NOISE / 1024**2,
        compute_growth,
        unit=" MiB",
    ),
)


def measure_goals(results: Results) -> list[tuple[Goal, float | None]]:
    """Return the goals with their numbers, ``None`` where nothing was measured."""

    def compute(goal: Goal) -> float | None:
        try:
            return goal.compute(results)
        except UnmeasuredError:
            return None

    return [(goal, compute(goal)) for goal in GOALS]


def _read_python(results: Results) -> tuple[int, int]:
    major, minor, *_ = results["about"]["machine"]["Python"].split(".")
    return int(major), int(minor)
