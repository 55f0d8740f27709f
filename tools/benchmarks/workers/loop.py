"""Timing: a worker holds its cases, and runs rounds of them when it is told to.

It reads commands as lines of JSON, and answers each with one.
"""

import asyncio
import gc
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter
from typing import Any

from recording import HITS


class BrokenCaseError(Exception):
    """A case doesn't do its job."""


@dataclass(frozen=True)
class Case:
    """A call to time.

    Attributes:
        call: The callable; a coroutine function is awaited, in a running loop.
        args: Its arguments.
        records: Whether each call is a hit that has to be recorded.
        before: Called before every round, off the clock.
        after: Called after it.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    records: bool = False
    before: Callable[[], Any] = lambda: None
    after: Callable[[], Any] = lambda: None


def serve(
    cases: Mapping[str, Case],
    measure_lengths: Callable[[tuple[Any, ...], dict[str, Any]], dict[str, int]],
    **about: Any,
) -> None:
    """Check the cases, then obey the commands until the input ends.

    Args:
        cases: The cases, by name.
        measure_lengths: Returns the lengths of the token and the URL for some data.
        about: Other values to write at the start.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # Nothing that is printed may get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    loop = asyncio.new_event_loop()
    for name, case in cases.items():
        _check(name, case, loop)
    answers.write(json.dumps({"cases": list(cases), **about}) + "\n")
    for line in sys.stdin:
        command = json.loads(line)
        if "lengths" in command:
            args, kwargs = command["lengths"]
            answer: Any = measure_lengths(tuple(args), kwargs)
        elif "seconds" in command:
            answer = _count_calls(cases[command["case"]], command["seconds"], loop)
        else:
            answer = _time(cases[command["case"]], command["calls"], loop)
        answers.write(json.dumps(answer) + "\n")
    loop.close()


def _check(name: str, case: Case, loop: asyncio.AbstractEventLoop) -> None:
    """Raise an error unless the case records the hits that it should, and no others."""
    calls = 3
    HITS.clear()
    _time(case, calls, loop, clear=False)
    expected = calls if case.records else 0
    if len(HITS) != expected:
        raise BrokenCaseError(f"{name} recorded {len(HITS)} hits of {expected}")
    HITS.clear()


def _count_calls(case: Case, seconds: float, loop: asyncio.AbstractEventLoop) -> int:
    """Find out how many calls take about that long."""
    calls = 1
    while (taken := _time(case, calls, loop)) < seconds / 4:
        calls *= 4 if taken < seconds / 20 else 2
    return max(1, round(calls * seconds / taken))


def _time(
    case: Case, calls: int, loop: asyncio.AbstractEventLoop, *, clear: bool = True
) -> float:
    """Return the seconds that so many calls take."""
    case.before()
    # It is on during the round, as in a server, but has nothing of the round before.
    gc.collect()
    if inspect.iscoroutinefunction(case.call):
        seconds = loop.run_until_complete(_call_async(case.call, case.args, calls))
    else:
        seconds = _call(case.call, case.args, calls)
    case.after()
    if clear:
        HITS.clear()
    return seconds


def _call(call: Callable[..., Any], args: tuple[Any, ...], calls: int) -> float:
    start = perf_counter()
    for _ in repeat(None, calls):
        call(*args)
    return perf_counter() - start


async def _call_async(
    call: Callable[..., Any], args: tuple[Any, ...], calls: int
) -> float:
    start = perf_counter()
    for _ in repeat(None, calls):
        await call(*args)
    return perf_counter() - start
