"""ptrack.stats.chart: bars as high as their numbers, lines at round values."""

from datetime import date, timedelta

import pytest

FIRST = date(2026, 1, 1)


@pytest.fixture
def draw(stats_installed):
    from ptrack.stats.chart import draw_chart
    from ptrack.stats.report import Day

    def draw_days(*numbers: tuple[int, int]):
        days = [
            Day(FIRST + timedelta(days=at), hits, unique)
            for at, (hits, unique) in enumerate(numbers)
        ]
        return draw_chart(days)

    return draw_days


@pytest.mark.parametrize(
    ("most", "lines"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (10, [0, 5, 10]),
        (99, [0, 50, 100]),
        (1234, [0, 500, 1000, 1500]),
        (7_000_000, [0, 2_000_000, 4_000_000, 6_000_000, 8_000_000]),
    ],
)
def test_lines_are_at_round_numbers(draw, most, lines):
    assert [tick.value for tick in draw((most, 0)).ticks] == lines


def test_bars_are_as_high_as_their_numbers(draw):
    found = draw((4, 2), (2, 0), (0, 0))
    hits = [float(bar.hits_height) for bar in found.bars]
    unique = [float(bar.unique_height) for bar in found.bars]
    assert hits[0] == 2 * hits[1] == 2 * unique[0] > 100
    assert hits[2] == unique[1] == unique[2] == 0
    for bar in found.bars:
        assert float(bar.hits_y) + float(bar.hits_height) == float(found.ticks[0].y)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 30, 90, 366])
def test_everything_is_within_the_picture(draw, count):
    found = draw(*[(day % 7, day % 3) for day in range(count)])
    ends = [float(found.left)]
    for bar in found.bars:
        assert float(bar.x) >= ends[-1]
        ends.append(float(bar.x) + float(bar.width))
    assert ends[-1] <= float(found.right) < float(found.width)
    assert len(found.bars) == count
    assert 1 <= len(found.labels) <= 8
    assert found.labels[0].day == FIRST
    assert all(0 < float(tick.y) < 200 for tick in found.ticks)
