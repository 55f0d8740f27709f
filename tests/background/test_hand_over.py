"""An engine gets the hits of callbacks in the background, or they run at once."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from webtest import TestApp as WebTest

import ptrack
from ptrack.background import Engine, worker
from ptrack.core.answers import GIF
from ptrack.core.callbacks import Tracker
from ptrack.core.hits import Hit
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware

TOKEN = TokenBox("s" * 32).encrypt(1, key="value")
TARGET = "https://shop.example/"

Calls = list[tuple[Any, ...]]


class KeepingEngine:
    """An engine that keeps its jobs, or refuses them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.jobs: list[str] = []
        self.threads: list[int] = []
        self._error = error

    def enqueue(self, job: str) -> None:
        self.threads.append(threading.get_ident())
        if self._error is not None:
            raise self._error
        self.jobs.append(job)


class CountingCounters(ptrack.Counters):
    def __init__(self) -> None:
        self.found: Counter[tuple[str, str]] = Counter()

    def enqueued(self, callback: str) -> None:
        self.found["enqueued", callback] += 1

    def refused(self, callback: str) -> None:
        self.found["refused", callback] += 1


@pytest.fixture
def calls(own_tracker: Tracker) -> Calls:
    """Return the calls of two callbacks, one of which runs in the background."""
    found: Calls = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(("slow", request, args, kwargs))

    @own_tracker.register
    class Quick(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(("quick", request, args, kwargs))

    return found


@pytest.fixture
def clicks(own_tracker: Tracker) -> Calls:
    """Return the calls of a callback for links that runs in the background."""
    found: Calls = []

    @own_tracker.register
    class SlowLink(ptrack.TrackingLink):
        background = True

        def record(self, request: Any, url: str, *args: Any, **kwargs: Any) -> None:
            found.append((url, args, kwargs))

    return found


def list_names(calls: Calls) -> list[str]:
    return [name for name, *_ in calls]


def make_hit(request: Any = None, *args: Any) -> Hit:
    request = request or PixelRequest.blank(f"/ptrack/{TOKEN}/")
    return Hit(PIXEL, request, args or (1,), {"key": "value"})


def run(tracker: Tracker, hit: Hit, engine: Engine | None) -> bool:
    return tracker.run(hit, engine)


def run_async(tracker: Tracker, hit: Hit, engine: Engine | None) -> bool:
    return asyncio.run(tracker.arun(hit, engine))


either_way = pytest.mark.parametrize("run_hit", [run, run_async])


@either_way
def test_engine_gets_only_hits_of_callbacks_in_the_background(
    run_hit: Any, own_tracker: Tracker, calls: Calls
):
    engine = KeepingEngine()
    assert run_hit(own_tracker, make_hit(), engine)
    assert list_names(calls) == ["quick"]
    assert len(engine.jobs) == 1


@either_way
def test_worker_calls_the_callback_with_the_arguments_of_the_request(
    run_hit: Any, own_tracker: Tracker, calls: Calls
):
    engine = KeepingEngine()
    run_hit(own_tracker, make_hit(), engine)
    worker.perform(*engine.jobs)
    (_, here, *arguments), (name, there, *arguments_there) = calls
    assert name == "slow"
    assert arguments_there == arguments == [(1,), {"key": "value"}]
    assert (there.method, there.path) == (here.method, here.path)
    assert there is not here


@either_way
def test_hit_is_the_same_one_in_the_request_and_in_the_worker(
    run_hit: Any, own_tracker: Tracker, calls: Calls
):
    engine = KeepingEngine()
    run_hit(own_tracker, make_hit(), engine)
    worker.perform(*engine.jobs)
    here, there = (ptrack.hit(request) for _, request, *_ in calls)
    assert (there.id, there.at) == (here.id, here.at)


@either_way
def test_all_callbacks_run_in_the_request_without_an_engine(
    run_hit: Any, own_tracker: Tracker, calls: Calls
):
    assert run_hit(own_tracker, make_hit(), None)
    assert list_names(calls) == ["slow", "quick"]


@either_way
def test_hit_that_the_engine_refuses_is_recorded_at_once_with_one_log_record(
    run_hit: Any,
    own_tracker: Tracker,
    calls: Calls,
    caplog: pytest.LogCaptureFixture,
):
    engine = KeepingEngine(OSError(f"no broker for {TOKEN}"))
    assert run_hit(own_tracker, make_hit(), engine)
    assert list_names(calls) == ["slow", "quick"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("Slow, which runs at once: OSError")
    # The message of an error may show the job.
    assert TOKEN not in record.getMessage()
    assert record.exc_info is None


def test_hit_that_makes_no_job_is_recorded_at_once(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    """A custom encoder may return arguments that aren't JSON."""
    engine = KeepingEngine()
    own_tracker.run(make_hit(None, object()), engine)
    assert list_names(calls) == ["slow", "quick"]
    assert engine.jobs == []
    assert caplog.records[0].getMessage().endswith("TypeError")


def test_hit_without_a_real_request_is_recorded_at_once(
    own_tracker: Tracker, calls: Calls
):
    """django-ptrack 3.0.0's call_callbacks takes anything for a request."""
    own_tracker.run(make_hit("a request"), KeepingEngine())
    assert calls[0] == ("slow", "a request", (1,), {"key": "value"})


@either_way
def test_async_callback_that_the_engine_refuses_is_awaited(
    run_hit: Any, own_tracker: Tracker
):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            found.append((args, kwargs))

    run_hit(own_tracker, make_hit(), KeepingEngine(OSError()))
    assert found == [((1,), {"key": "value"})]


def test_engine_is_called_outside_the_event_loop(own_tracker: Tracker, calls: Calls):
    """A slow broker would block the loop, and with it every other request."""

    @own_tracker.register
    class AsyncSlow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("not here")

    engine = KeepingEngine()
    run_async(own_tracker, make_hit(), engine)
    assert len(engine.jobs) == 2
    assert threading.get_ident() not in engine.threads


@pytest.mark.parametrize("engine", [None, KeepingEngine(OSError())])
def test_callback_that_fails_at_once_is_logged_like_any_other(
    engine: Engine | None,
    own_tracker: Tracker,
    caplog: pytest.LogCaptureFixture,
):
    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError("broken")

    assert not run(own_tracker, make_hit(), engine)
    failure = caplog.records[-1]
    assert failure.getMessage().endswith("Failing failed")
    # ptrack's own frames hold the arguments of the pixel.
    assert failure.exc_info is not None
    trace = failure.exc_info[2]
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "record"
    assert trace.tb_next is None


def test_hits_that_the_engine_took_and_refused_are_counted(
    own_tracker: Tracker, calls: Calls
):
    own_tracker.counters = counters = CountingCounters()
    run(own_tracker, make_hit(), KeepingEngine())
    run_async(own_tracker, make_hit(), KeepingEngine(OSError()))
    (name,) = own_tracker.in_background
    assert counters.found == {("enqueued", name): 1, ("refused", name): 1}


def test_counter_that_fails_makes_nothing_run_twice(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    class Broken(ptrack.Counters):
        def enqueued(self, callback: str) -> None:
            raise OSError

    own_tracker.counters = Broken()
    engine = KeepingEngine()
    run(own_tracker, make_hit(), engine)
    assert (list_names(calls), len(engine.jobs)) == (["quick"], 1)
    assert [each.getMessage() for each in caplog.records] == ["Counting failed"]


@either_way
def test_click_is_handed_over_with_its_target(
    run_hit: Any, own_tracker: Tracker, clicks: Calls
):
    engine = KeepingEngine()
    request = PixelRequest.blank("/ptrack/link/x/")
    run_hit(own_tracker, Hit(LINK, request, (1,), {"key": 2}, TARGET), engine)
    assert clicks == []
    worker.perform(*engine.jobs)
    assert clicks == [(TARGET, (1,), {"key": 2})]


# -- with an engine as an option ------------------------------------------------------


@pytest.fixture
def engine() -> KeepingEngine:
    return KeepingEngine()


@pytest.fixture
def tracking(own_tracker: Tracker, engine: KeepingEngine) -> PtrackWSGIMiddleware:
    return PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine)


def test_middleware_hands_pixels_and_links_to_its_engine(
    tracking: PtrackWSGIMiddleware, engine: KeepingEngine, calls: Calls, clicks: Calls
):
    client = WebTest(tracking)
    assert client.get(tracking.pixel_url(1)).body == GIF
    client.get(tracking.link_url(TARGET, 2))
    assert len(engine.jobs) == 2
    assert (list_names(calls), clicks) == (["quick"], [])
    for job in engine.jobs:
        worker.perform(job)
    assert list_names(calls) == ["quick", "slow"]
    assert clicks == [(TARGET, (2,), {})]


def test_request_that_is_no_hit_makes_no_job(
    tracking: PtrackWSGIMiddleware, engine: KeepingEngine, calls: Calls
):
    client = WebTest(tracking)
    client.head(tracking.pixel_url(1))
    client.post(tracking.pixel_url(1), status=405)
    client.get("/ptrack/garbage/")
    assert (calls, engine.jobs) == ([], [])


def test_missing_engine_is_warned_of_at_start_up(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    PtrackWSGIMiddleware(None, tracker=own_tracker, background=KeepingEngine())
    assert caplog.records == []
    PtrackWSGIMiddleware(None, tracker=own_tracker)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "Slow is to run in the background, and runs in the request" in (
        record.getMessage()
    )


@pytest.fixture
def found_by_django() -> Iterator[list[Any]]:
    """Yield the calls of a callback that is registered with ptrack's own tracker."""
    found: list[Any] = []

    @ptrack.tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append((request.META["HTTP_USER_AGENT"], args))

    yield found
    ptrack.tracker.unregister(Slow)


def test_django_hands_over_to_the_engine_of_its_settings(
    client: Any, settings: Any, engine: KeepingEngine, found_by_django: list[Any]
):
    settings.PTRACK_BACKGROUND = engine
    path = ptrack.pixel_url(1).removeprefix("https://www.example.com")
    answer = client.get(path, headers={"User-Agent": "Mail/1"})
    assert answer.content == GIF
    assert found_by_django == []
    worker.perform(*engine.jobs)
    assert found_by_django == [("Mail/1", (1,))]
