"""ptrack.stats.pace: short transactions, and a pause after each on SQLite."""

import sqlite3
from types import SimpleNamespace

import pytest

from tests.stats.site import Database, make_open, on_postgresql, on_sqlite


@pytest.fixture
def pace(stats: Database, monkeypatch: pytest.MonkeyPatch):
    """Return the module, with a clock that only the test moves."""
    from ptrack.stats import pace

    clock = SimpleNamespace(now=100.0, slept=[])
    clock.monotonic = lambda: clock.now
    clock.sleep = clock.slept.append
    monkeypatch.setattr(pace, "time", clock)
    return pace


def take(pace, steps, seconds: float) -> None:
    with steps.step():
        pace.time.now += seconds


@pytest.fixture
def steps(pace):
    from ptrack.stats.models import Open

    return pace.Pace(Open, 1000)


@on_sqlite
def test_steps_of_sqlite_become_as_long_as_they_may_be(stats, pace, steps):
    sizes = []
    for seconds in (0, 0.01, 0.02, 0.001, 0.001, 0.19, 2, 10, 60, 0.01):
        sizes.append(steps.rows)
        take(pace, steps, seconds)
    assert sizes == [100, 200, 400, 800, 1000, 1000, 1000, 100, 2, 1]
    assert steps.rows == 2


@on_sqlite
def test_pause_is_longer_than_the_step_and_than_sqlites(stats, pace, steps):
    take(pace, steps, 0.01)
    take(pace, steps, 3)
    assert pace.time.slept == [pace.PAUSE, 6]
    # The longest of the delays in the source of sqlite3_busy_timeout().
    assert pace.PAUSE > 0.1


@on_postgresql
def test_other_databases_have_no_pause(stats, pace, steps):
    assert steps.rows == 1000
    take(pace, steps, 3)
    assert (steps.rows, pace.time.slept) == (1000, [])


def test_limit_may_be_lower_than_the_first_step(stats, pace):
    from ptrack.stats.models import Open

    assert pace.Pace(Open, 7).rows == 7


@on_sqlite
def test_wait_for_the_lock_is_no_work(stats, pace, steps, monkeypatch):
    """A step that is short, but waited long, may have more rows the next time."""
    with sqlite3.connect(stats.entry["NAME"], isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        original = steps._wait_for_lock

        def wait() -> None:
            pace.time.now += 5
            other.execute("ROLLBACK")
            original()

        monkeypatch.setattr(steps, "_wait_for_lock", wait)
        take(pace, steps, 0.01)
    other.close()
    assert steps.rows == 200


@on_sqlite
def test_lock_is_held_from_the_beginning_of_a_step(stats, pace, steps):
    with steps.step():
        other = sqlite3.connect(stats.entry["NAME"], isolation_level=None, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_failed_step_is_undone(stats, steps):
    from ptrack.stats.models import Open

    def fail() -> None:
        with steps.step():
            Open.objects.bulk_create([make_open()])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not Open.objects.exists()
