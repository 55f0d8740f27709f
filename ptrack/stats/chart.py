"""The days as a drawing: the numbers of an SVG, as text that no locale changes."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from .days import Day

WIDTH, HEIGHT = 800, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 10, 22
"""Around the bars, for what is written there."""

TICKS = 4
LABELS = 8
WIDEST = 40.0
"""Of a bar, where there are few."""


class Bar(NamedTuple):
    """A day: all hits, and before them the unique ones."""

    day: Day
    x: str
    width: str
    hits_y: str
    hits_height: str
    unique_y: str
    unique_height: str


class Tick(NamedTuple):
    """A line across, and what it stands for."""

    y: str
    value: int


class Label(NamedTuple):
    """A day that is named below its bar."""

    x: str
    day: date


class Chart(NamedTuple):
    """All that is drawn; its size is `WIDTH` by `HEIGHT`."""

    bars: list[Bar]
    ticks: list[Tick]
    labels: list[Label]
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    left: str = str(LEFT)
    right: str = str(WIDTH - RIGHT)
    below: str = str(HEIGHT - 6)
    beside: str = str(LEFT - 6)

    @property
    def first(self) -> date:
        """The first day."""
        return self.bars[0].day.day

    @property
    def last(self) -> date:
        """The last day."""
        return self.bars[-1].day.day


def chart(days: Sequence[Day]) -> Chart:
    """Draw days, at least one, in their order."""
    step = _step(max(day.hits for day in days))
    top = step * max(1, -(-max(day.hits for day in days) // step))
    slot = (WIDTH - LEFT - RIGHT) / len(days)
    return Chart(
        [_bar(day, LEFT + slot * at, slot, top) for at, day in enumerate(days)],
        [Tick(_text(_y(value, top)), value) for value in range(0, top + 1, step)],
        [
            Label(_text(LEFT + slot * (at + 0.5)), days[at].day)
            for at in _labelled(len(days))
        ],
    )


def _step(most: int) -> int:
    """Give the distance of lines that are at 1, 2 or 5 times a power of ten."""
    step = 1
    factors = (2, 2.5, 2)
    at = 0
    while step * TICKS < most:
        step = int(step * factors[at % 3])
        at += 1
    return step


def _bar(day: Day, start: float, slot: float, top: int) -> Bar:
    width = min(slot * 0.8, WIDEST)
    return Bar(
        day,
        _text(start + (slot - width) / 2),
        _text(width),
        *_from_the_ground(day.hits, top),
        *_from_the_ground(day.unique, top),
    )


def _from_the_ground(value: int, top: int) -> tuple[str, str]:
    y = _y(value, top)
    return _text(y), _text(_y(0, top) - y)


def _y(value: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _labelled(count: int) -> range:
    return range(0, count, max(1, -(-count // LABELS)))


def _text(number: float) -> str:
    return f"{number:.2f}"
