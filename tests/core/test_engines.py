"""ptrack.core.engines: jobs are handed over, or the caller runs the callback."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ptrack.core.callbacks import Tracker
from ptrack.core.counters import Counters
from ptrack.core.engines import (
    LONGEST_PAUSE,
    Engine,
    LazyEngine,
    choose_delay,
    hand_over,
    is_thread_sensitive,
)
from ptrack.core.hits import Hit
from ptrack.core.jobs import read_job
from ptrack.core.kinds import PIXEL
from ptrack.exceptions import PtrackConfigurationError
from tests.core.endpoints import KeepingEngine
from tests.core.test_jobs import make_request
from tools.soak.processes import wait_until


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


def test_engine_says_if_it_may_be_called_in_any_thread():
    class Other(KeepingEngine):
        thread_sensitive = False

    engine = LazyEngine(Other)
    # Making it may take a while, and the event loop asks this.
    assert is_thread_sensitive(engine)
    engine.load()
    assert not is_thread_sensitive(engine)
    keeping = LazyEngine(KeepingEngine)
    keeping.load()
    assert is_thread_sensitive(keeping)


# -- pauses ---------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list with the time that the pauses see."""
    now = [1000.0]
    monkeypatch.setattr("ptrack.core.engines.time.monotonic", lambda: now[0])
    return now


class FailingEngine:
    """An engine that fails while it has an error, and counts the tries."""

    def __init__(self) -> None:
        self.error: BaseException | None = OSError()
        self.tries = 0

    def enqueue(self, job: str) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error


def try_it(engine: LazyEngine) -> str:
    try:
        engine.enqueue("job")
    except BaseException as error:
        return type(error).__name__
    return "taken"


def test_engine_that_failed_is_left_alone_for_a_time_that_grows(clock: list[float]):
    failing = FailingEngine()
    engine = LazyEngine(lambda: failing)
    pauses = []
    for _ in range(9):
        assert try_it(engine) == "OSError"
        start = clock[0]
        while try_it(engine) == "EnginePausedError":
            clock[0] += 0.5
        # The last try has failed, and began the next pause.
        pauses.append(clock[0] - start)
        clock[0] += LONGEST_PAUSE
    assert pauses == [1, *([4, 16, *[LONGEST_PAUSE] * 6])]
    assert failing.tries == 18


def test_engine_that_is_back_is_no_longer_left_alone(clock: list[float]):
    failing = FailingEngine()
    engine = LazyEngine(lambda: failing)
    try_it(engine)
    failing.error = None
    clock[0] += 1
    assert [try_it(engine) for _ in range(3)] == ["taken"] * 3
    failing.error = OSError()
    assert try_it(engine) == "OSError"
    clock[0] += 1
    assert try_it(engine) == "OSError"


def test_one_hit_tries_again_and_the_others_do_not_wait_for_it(clock: list[float]):
    begun, end = threading.Event(), threading.Event()
    failing = FailingEngine()
    engine = LazyEngine(lambda: failing)
    try_it(engine)

    def wait(job: str) -> None:
        begun.set()
        assert end.wait(10)

    failing.enqueue = wait  # type: ignore[method-assign]
    clock[0] += 1
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(try_it, engine)
        assert begun.wait(10)
        assert [try_it(engine) for _ in range(5)] == ["EnginePausedError"] * 5
        end.set()
        assert trying.result(10) == "taken"


def test_hit_that_tries_and_never_returns_does_not_stop_the_others_for_good(
    clock: list[float],
):
    """A fork has no thread that would return."""
    failing = FailingEngine()
    engine = LazyEngine(lambda: failing)
    try_it(engine)
    failing.enqueue = threading.Event().wait  # type: ignore[assignment]
    clock[0] += 1
    threading.Thread(target=try_it, args=(engine,), daemon=True).start()
    wait_until(lambda: try_it(engine) == "EnginePausedError", 10, "nobody tries")
    del failing.enqueue  # type: ignore[misc]
    failing.error = None
    clock[0] += LONGEST_PAUSE
    assert try_it(engine) == "taken"


def test_hits_that_failed_side_by_side_count_as_one_failure(clock: list[float]):
    count = 8
    barrier = threading.Barrier(count, timeout=10)

    class Together:
        def enqueue(self, job: str) -> None:
            barrier.wait()
            raise OSError

    engine = LazyEngine(Together)
    with ThreadPoolExecutor(count) as pool:
        assert [*pool.map(lambda _: try_it(engine), range(count))] == ["OSError"] * 8
    assert try_it(engine) == "EnginePausedError"
    clock[0] += 1
    barrier.abort()
    assert try_it(engine) == "BrokenBarrierError"


@pytest.mark.parametrize("error", [OSError(), BaseException(), SystemExit()])
def test_any_failure_of_an_engine_begins_a_pause(
    error: BaseException, clock: list[float]
):
    failing = FailingEngine()
    failing.error = error
    engine = LazyEngine(lambda: failing)
    assert try_it(engine) == type(error).__name__
    assert try_it(engine) == "EnginePausedError"


def test_engine_that_cannot_be_made_is_left_alone_too(clock: list[float]):
    tries = []

    def make() -> Engine:
        tries.append("made")
        raise PtrackConfigurationError

    engine = LazyEngine(make)
    try_it(engine)
    assert try_it(engine) == "EnginePausedError"
    assert tries == ["made"]


def test_hit_that_makes_no_job_begins_no_pause():
    taking = KeepingEngine()
    engine = LazyEngine(lambda: taking)
    bad = Hit(PIXEL, make_request(), [object()], {})
    assert not hand_over("x", bad, engine, None)
    assert hand_over("x", Hit(PIXEL, make_request(), [], {}), engine, None)


def test_hit_in_a_pause_is_counted_and_logged_like_any_that_was_refused(
    caplog: pytest.LogCaptureFixture,
):
    counting, failing = Counting(), FailingEngine()
    engine = LazyEngine(lambda: failing)
    for _ in range(3):
        hit = Hit(PIXEL, make_request(), [], {})
        assert not hand_over("pixels.Slow", hit, engine, counting)
    assert failing.tries == 1
    assert counting.found == [("refused", "pixels.Slow")] * 3
    first, *others = caplog.messages
    assert first.endswith(": OSError")
    # The same message, so that whoever counts it counts all of them.
    assert others == [first.replace("OSError", "EnginePausedError")] * 2


@pytest.mark.parametrize(
    ("failures", "delay"),
    [(-(10**9), 1), (-1, 1), (0, 1), (1, 2), (9, 512), (10, 600), (10**12, 600)],
)
def test_delays_grow_up_to_the_longest(failures: int, delay: int):
    """An engine's count of failures comes from its broker, and may be anything."""
    assert choose_delay(failures, 600) == delay


# -- handing over ---------------------------------------------------------------------


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


@pytest.mark.parametrize("way_out", [KeyboardInterrupt, SystemExit])
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
