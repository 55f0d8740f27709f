"""Samples: each is one request, and the kinds take turns in random order.

As dudect does it (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?",
2017): a disturbance of the machine then concerns all kinds alike.
"""

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from time import perf_counter_ns

Samples = dict[str, list[int]]
"""Nanoseconds by kind."""

WARM_UP = 50
"""Requests of each kind that aren't counted."""


def take_samples(
    prepared: Mapping[str, Sequence[object]],
    call: Callable[[object], object],
    count: int,
) -> Samples:
    """Time calls.

    Args:
        prepared: The arguments of the calls, by kind; they take turns.
        call: Answers one of them. It alone is on the clock.
        count: How many samples of each kind to take.
    """
    taken: Samples = {kind: [] for kind in prepared}
    order = list(prepared) * (count + WARM_UP)
    random.shuffle(order)
    turns = {kind: cycle(each) for kind, each in prepared.items()}
    with _pause_collector():
        for kind in order:
            subject = next(turns[kind])
            start = perf_counter_ns()
            call(subject)
            taken[kind].append(perf_counter_ns() - start)
    return {kind: times[WARM_UP:] for kind, times in taken.items()}


@contextmanager
def _pause_collector() -> Iterator[None]:
    """Keep the garbage collector out: less noise is in the attacker's favour."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
