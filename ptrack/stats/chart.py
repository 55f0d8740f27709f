"""The days as a drawing: the numbers of an SVG, written the same in any locale."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from .report import Day

WIDTH, HEIGHT = 800, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 10, 22
"""The space around the bars, for text."""

MAX_TICKS = 4
MAX_LABELS = 8
MAX_BAR_WIDTH = 40.0


class Bar(NamedTuple):
    """A day: all hits, and in front of them the unique ones."""

    day: Day
    x: str
    width: str
    hits_y: str
    hits_height: str
    unique_y: str
    unique_height: str


class Tick(NamedTuple):
    """A horizontal line, and the value that it stands for."""

    y: str
    value: int


class Label(NamedTuple):
    """A day that is named below its bar."""

    x: str
    day: date


class Chart(NamedTuple):
    """The whole drawing, of `WIDTH` by `HEIGHT`."""

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


def draw_chart(days: Sequence[Day]) -> Chart:
    """Draw days, at least one, in their order."""
    most = max(day.hits for day in days)
    step = _choose_step(most)
    top = step * max(1, -(-most // step))
    slot = (WIDTH - LEFT - RIGHT) / len(days)
    labelled = range(0, len(days), max(1, -(-len(days) // MAX_LABELS)))
    return Chart(
        [_draw_bar(day, LEFT + slot * at, slot, top) for at, day in enumerate(days)],
        [
            Tick(_format(_find_y(value, top)), value)
            for value in range(0, top + 1, step)
        ],
        [Label(_format(LEFT + slot * (at + 0.5)), days[at].day) for at in labelled],
    )


def _choose_step(most: int) -> int:
    """Return the distance of the lines: 1, 2 or 5 times a power of ten."""
    step = 1
    factors = (2, 2.5, 2)
    at = 0
    while step * MAX_TICKS < most:
        step = int(step * factors[at % 3])
        at += 1
    return step


def _draw_bar(day: Day, start: float, slot: float, top: int) -> Bar:
    width = min(slot * 0.8, MAX_BAR_WIDTH)
    return Bar(
        day,
        _format(start + (slot - width) / 2),
        _format(width),
        *_find_y_and_height(day.hits, top),
        *_find_y_and_height(day.unique, top),
    )


def _find_y_and_height(value: int, top: int) -> tuple[str, str]:
    y = _find_y(value, top)
    return _format(y), _format(_find_y(0, top) - y)


def _find_y(value: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _format(number: float) -> str:
    return f"{number:.2f}"
