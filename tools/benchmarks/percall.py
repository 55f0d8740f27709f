"""The time of a call, in process: rounds of all cases of all sides, interleaved."""

from collections.abc import Collection, Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from .worker import Worker

Medians = dict[str, dict[str, float]]
"""Microseconds by ``side/case``: the best round, median and quartiles."""

PAYLOADS: Sequence[tuple[str, tuple[Any, ...], dict[str, Any]]] = (
    ("the benchmark's", ("testarg",), {"key1": "arg1", "key2": "arg2"}),
    ("a number", (), {"campaign": 7}),
    (
        "an address, a number and a time",
        (),
        {"recipient": "ada@example.com", "campaign": 7, "sent": 1700000000.25},
    ),
    ("100 letters", ("x" * 100,), {}),
    ("100 letters of Greek", ("λ" * 100,), {}),
    ("1,000 letters", ("x" * 1000,), {}),
)


def measure(
    workers: Mapping[str, Worker],
    rounds: int,
    seconds: float,
    only: Collection[str] | None = None,
) -> Medians:
    """Time all cases, or some.

    Args:
        workers: The sides' processes, by side.
        rounds: How often each case is timed.
        seconds: How long each round of a case takes, about.
        only: The names of the cases; all by default.

    Returns:
        The medians, of all sides.

    Raises:
        ValueError: No side has a case of such a name.
    """
    plan = [
        (worker, case)
        for worker, case in _list_cases(workers)
        if only is None or case in only
    ]
    unknown = set(only or ()) - {case for _, case in plan}
    if unknown:
        raise ValueError(f"there is no case {', '.join(sorted(unknown))}")
    calls = {
        (worker.side, case): worker.count_calls(case, seconds) for worker, case in plan
    }
    times: dict[str, list[float]] = {f"{side}/{case}": [] for side, case in calls}
    for number in range(rounds):
        # There and back, so that no case always follows the same one.
        for worker, case in plan if number % 2 else reversed(plan):
            taken = worker.time(case, calls[worker.side, case])
            times[f"{worker.side}/{case}"].append(taken)
    return {name: _summarise(found) for name, found in times.items()}


def measure_lengths(
    workers: Mapping[str, Worker],
) -> dict[str, dict[str, dict[str, int]]]:
    """Return the lengths of token and URL: by payload, then side."""
    return {
        name: {
            side: worker.measure_lengths(args, kwargs)
            for side, worker in workers.items()
        }
        for name, args, kwargs in PAYLOADS
    }


def _list_cases(workers: Mapping[str, Worker]) -> list[tuple[Worker, str]]:
    """Return all cases; those of one name by all sides stand next to each other."""
    names = dict.fromkeys(case for worker in workers.values() for case in worker.cases)
    return [
        (worker, case)
        for case in names
        for worker in workers.values()
        if case in worker.cases
    ]


def _summarise(times: list[float]) -> dict[str, float]:
    low, _, high = quantiles(times, n=4) if len(times) > 1 else times * 3
    return {
        "best": round(min(times), 4),
        "median": round(median(times), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }
