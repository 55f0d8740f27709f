"""Timing: a worker holds its cases and does rounds of them when it is told to.

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
    """A case doesn't do what is to be timed."""


@dataclass(frozen=True)
class Case:
    """Something to time.

    Attributes:
        call: What to call; a coroutine function is awaited, in a running loop.
        args: What with.
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
    lengths: Callable[[tuple[Any, ...], dict[str, Any]], dict[str, int]],
    **about: Any,
) -> None:
    """Check the cases, then do as told until the input ends.

    Args:
        cases: By name.
        lengths: Gives those of the token and the URL for some data.
        about: What else to tell at the start.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What anything prints must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    loop = asyncio.new_event_loop()
    for name, case in cases.items():
        _check(name, case, loop)
    answers.write(json.dumps({"cases": list(cases), **about}) + "\n")
    for line in sys.stdin:
        command = json.loads(line)
        if "lengths" in command:
            args, kwargs = command["lengths"]
            answer: Any = lengths(tuple(args), kwargs)
        elif "seconds" in command:
            answer = _calls_in(cases[command["case"]], command["seconds"], loop)
        else:
            answer = _timed(cases[command["case"]], command["calls"], loop)
        answers.write(json.dumps(answer) + "\n")
    loop.close()


def _check(name: str, case: Case, loop: asyncio.AbstractEventLoop) -> None:
    """Raise an error unless the case records what it should, and only that."""
    calls = 3
    HITS.clear()
    _timed(case, calls, loop, clear=False)
    expected = calls if case.records else 0
    if len(HITS) != expected:
        raise BrokenCaseError(f"{name} recorded {len(HITS)} hits of {expected}")
    HITS.clear()


def _calls_in(case: Case, seconds: float, loop: asyncio.AbstractEventLoop) -> int:
    """Find out how many calls take about that long."""
    calls = 1
    while (taken := _timed(case, calls, loop)) < seconds / 4:
        calls *= 4 if taken < seconds / 20 else 2
    return max(1, round(calls * seconds / taken))


def _timed(
    case: Case, calls: int, loop: asyncio.AbstractEventLoop, *, clear: bool = True
) -> float:
    """Give the seconds that so many calls take."""
    case.before()
    # On during the round, as in a server, but with nothing of the round before.
    gc.collect()
    if inspect.iscoroutinefunction(case.call):
        seconds = loop.run_until_complete(_loop_async(case.call, case.args, calls))
    else:
        seconds = _loop(case.call, case.args, calls)
    case.after()
    if clear:
        HITS.clear()
    return seconds


def _loop(call: Callable[..., Any], args: tuple[Any, ...], calls: int) -> float:
    start = perf_counter()
    for _ in repeat(None, calls):
        call(*args)
    return perf_counter() - start


async def _loop_async(
    call: Callable[..., Any], args: tuple[Any, ...], calls: int
) -> float:
    start = perf_counter()
    for _ in repeat(None, calls):
        await call(*args)
    return perf_counter() - start
