"""ptrack.core.engines: jobs are handed over, or the caller runs the callback."""

from typing import Any

import pytest

from ptrack.core.callbacks import Tracker
from ptrack.core.counters import Counters
from ptrack.core.engines import Engine, LazyEngine, hand_over
from ptrack.core.hits import Hit
from ptrack.core.jobs import read_job
from ptrack.core.kinds import PIXEL
from tests.core.endpoints import KeepingEngine
from tests.core.test_jobs import make_request


class Counting(Counters):
    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def enqueued(self, callback: str) -> None:
        self.found.append(("enqueued", callback))

    def refused(self, callback: str) -> None:
        self.found.append(("refused", callback))


def test_any_object_with_enqueue_is_an_engine():
    assert isinstance(KeepingEngine(), Engine)
    assert not isinstance(object(), Engine)


def test_engine_is_made_when_it_is_needed_and_once():
    made: list[KeepingEngine] = []

    def make() -> KeepingEngine:
        made.append(KeepingEngine())
        return made[-1]

    engine = LazyEngine(make)
    assert made == []
    engine.enqueue("one")
    engine.enqueue("two")
    assert engine.load() is made[0]
    assert [each.jobs for each in made] == [["one", "two"]]


def test_engine_that_cannot_be_made_is_tried_again():
    """A broker may be there later."""
    outcomes: list[Any] = [OSError("not yet"), KeepingEngine()]

    def make() -> KeepingEngine:
        outcome = outcomes.pop(0)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    engine = LazyEngine(make)
    with pytest.raises(OSError, match="not yet"):
        engine.load()
    assert isinstance(engine.load(), KeepingEngine)


def test_job_that_the_engine_took_is_counted():
    engine, counting = KeepingEngine(), Counting()
    hit = Hit(PIXEL, make_request(), [1], {})
    assert hand_over("pixels.Slow", hit, engine, counting)
    assert read_job(*engine.jobs).args == [1]
    assert counting.found == [("enqueued", "pixels.Slow")]
    assert hand_over("pixels.Slow", hit, engine, None)


# `BaseException` too: a panic in a driver in Rust is no `Exception`.
@pytest.mark.parametrize("error", [OSError("carried"), BaseException("carried")])
def test_job_that_the_engine_refused_is_counted_and_logged_without_its_content(
    error: BaseException, caplog: pytest.LogCaptureFixture
):
    counting = Counting()
    hit = Hit(PIXEL, make_request(), ["carried"], {})
    assert not hand_over("pixels.Slow", hit, KeepingEngine(error), counting)
    assert counting.found == [("refused", "pixels.Slow")]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.exc_info is None
    assert record.getMessage() == (
        "The background engine didn't take a hit of pixels.Slow, which runs at once: "
        + type(error).__name__
    )
    assert not hand_over("pixels.Slow", hit, KeepingEngine(error), None)


def test_hit_that_can_be_no_job_is_refused():
    """A custom encoder may return values that aren't JSON; a request any object."""
    engine = KeepingEngine()
    for hit in (
        Hit(PIXEL, make_request(), [object()], {}),
        Hit(PIXEL, "request", [], {}),
    ):
        assert not hand_over("pixels.Slow", hit, engine, None)
    assert engine.jobs == []


@pytest.mark.parametrize("way_out", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_way_out_of_the_process_is_passed_on(way_out: type[BaseException]):
    with pytest.raises(way_out):
        hand_over(
            "x", Hit(PIXEL, make_request(), [], {}), KeepingEngine(way_out()), None
        )


def test_failing_counter_makes_no_hit_recorded_twice(
    own_tracker: Tracker, caplog: pytest.LogCaptureFixture
):
    class Broken(Counters):
        def enqueued(self, callback: str) -> None:
            raise OSError

        refused = enqueued

    hit = Hit(PIXEL, make_request(), [], {})
    assert hand_over("x", hit, KeepingEngine(), Broken())
    assert not hand_over("x", hit, KeepingEngine(OSError()), Broken())
    assert caplog.messages.count("Counting failed") == 2
