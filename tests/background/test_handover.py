"""ptrack.background.handover: hits are handed over to an engine, or recorded at once."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import ptrack
from ptrack.background import worker
from ptrack.background.handover import Engine
from ptrack.core.answers import PIXEL
from ptrack.core.callbacks import Tracker
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request, environ_of
from tests.recording import arecord, arecord_click, emptied

SECRET = "s" * 32
TOKEN = TokenBox(SECRET).encrypt(1, key="value")

Calls = list[tuple[Any, ...]]


class Kept:
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


class Counting(ptrack.Counters):
    def __init__(self) -> None:
        self.found: Counter[tuple[str, str]] = Counter()

    def enqueued(self, callback: str) -> None:
        self.found["enqueued", callback] += 1

    def refused(self, callback: str) -> None:
        self.found["refused", callback] += 1

    def failed(self, callback: str) -> None:
        self.found["failed", callback] += 1


@pytest.fixture
def calls(own_tracker: Tracker) -> Calls:
    """What the callbacks get, by their kind: one of each is registered."""
    found: Calls = []

    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(("slow", request, args, kwargs))

    class Quick(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(("quick", request, args, kwargs))

    own_tracker.register(Slow)
    own_tracker.register(Quick)
    return found


def kinds(calls: Calls) -> list[str]:
    return [kind for kind, *_ in calls]


def request() -> PixelRequest:
    return PixelRequest(environ_of(Request(path=f"/ptrack/{TOKEN}/".encode())))


def sync_hit(tracker: Tracker, engine: Engine | None) -> None:
    tracker.record(request(), (1,), {"key": "value"}, engine)


def async_hit(tracker: Tracker, engine: Engine | None) -> None:
    asyncio.run(arecord(tracker, request(), (1,), {"key": "value"}, engine))


either_way = pytest.mark.parametrize("hit", [sync_hit, async_hit])


@either_way
def test_engine_takes_what_is_to_run_in_the_background_and_nothing_else(
    hit: Any, own_tracker: Tracker, calls: Calls
):
    engine = Kept()
    hit(own_tracker, engine)
    assert kinds(calls) == ["quick"]
    assert len(engine.jobs) == 1


@either_way
def test_worker_does_what_the_engine_took(hit: Any, own_tracker: Tracker, calls: Calls):
    engine = Kept()
    hit(own_tracker, engine)
    worker.perform(*engine.jobs)
    (_, quick, *told_in_request), (kind, slow, *told) = calls
    assert kind == "slow"
    assert told == told_in_request == [(1,), {"key": "value"}]
    assert (slow.method, slow.path) == (quick.method, quick.path)
    assert slow is not quick


@either_way
def test_where_no_engine_is_all_run_in_the_request(
    hit: Any, own_tracker: Tracker, calls: Calls
):
    hit(own_tracker, None)
    assert kinds(calls) == ["slow", "quick"]


@either_way
def test_what_the_engine_refuses_runs_at_once_with_one_log_record(
    hit: Any,
    own_tracker: Tracker,
    calls: Calls,
    caplog: pytest.LogCaptureFixture,
):
    hit(own_tracker, Kept(OSError(f"no broker for {TOKEN}")))
    assert kinds(calls) == ["slow", "quick"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("Slow, which runs at once: OSError"), (
        record.getMessage()
    )
    # The message of an error may show what was to be stored.
    assert TOKEN not in record.getMessage()
    assert record.exc_info is None


def test_what_can_be_no_job_runs_at_once(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    """An encoder of one's own may give arguments that aren't JSON."""
    engine = Kept()
    own_tracker.record(request(), (object(),), {}, engine)
    assert kinds(calls) == ["slow", "quick"]
    assert engine.jobs == []
    assert caplog.records[0].getMessage().endswith("TypeError")


def test_request_that_is_none_runs_at_once(own_tracker: Tracker, calls: Calls):
    """django-ptrack 3.0.0's call_callbacks takes anything for a request."""
    own_tracker.record("a request", (), {}, Kept())
    assert calls[0] == ("slow", "a request", (), {})


@either_way
def test_async_callback_that_the_engine_refuses_is_awaited(
    hit: Any, own_tracker: Tracker
):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            found.append((args, kwargs))

    hit(own_tracker, Kept(OSError()))
    assert found == [((1,), {"key": "value"})]


def test_engine_is_asked_outside_the_event_loop(own_tracker: Tracker, calls: Calls):
    """Also for an async callback: what speaks to a broker would block the loop."""

    @own_tracker.register
    class AsyncSlow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("not here")

    engine = Kept()
    async_hit(own_tracker, engine)
    assert len(engine.jobs) == 2
    assert threading.get_ident() not in engine.threads


@pytest.mark.parametrize("error", [None, OSError()])
def test_callback_that_fails_at_once_is_logged_like_any_other(
    error: Exception | None,
    own_tracker: Tracker,
    caplog: pytest.LogCaptureFixture,
):
    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError("broken")

    sync_hit(own_tracker, Kept(OSError()) if error else None)
    failed = caplog.records[-1]
    assert failed.getMessage().endswith("Failing failed")
    # The frames of ours hold what the pixel carries.
    assert failed.exc_info is not None
    trace = failed.exc_info[2]
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "record"
    assert trace.tb_next is None


def test_counters_are_told_what_the_engine_took_and_what_not(
    own_tracker: Tracker, calls: Calls
):
    own_tracker.counters = counting = Counting()
    sync_hit(own_tracker, Kept())
    async_hit(own_tracker, Kept(OSError()))
    ((taken, one), (refused, other)) = counting.found.items()
    assert (taken[0], one, refused[0], other) == ("enqueued", 1, "refused", 1)
    assert taken[1] == refused[1] == own_tracker.in_background[0]


def test_counter_that_fails_has_nothing_run_twice(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    class Broken(ptrack.Counters):
        def enqueued(self, callback: str) -> None:
            raise OSError

    own_tracker.counters = Broken()
    engine = Kept()
    sync_hit(own_tracker, engine)
    assert (kinds(calls), len(engine.jobs)) == (["quick"], 1)
    assert [each.getMessage() for each in caplog.records] == ["Counting failed"]


@pytest.fixture
def link(own_tracker: Tracker) -> Iterator[Calls]:
    found: Calls = []

    @own_tracker.register
    class Slow(ptrack.TrackingLink):
        background = True

        def record(self, request: Any, url: str, *args: Any, **kwargs: Any) -> None:
            found.append((url, args, kwargs))

    return found


@pytest.mark.parametrize("way", ["sync", "async"])
def test_click_is_handed_over_with_its_target(
    way: str, own_tracker: Tracker, link: Calls
):
    engine = Kept()
    told = (request(), "https://shop.example/", (1,), {"key": 2}, engine)
    if way == "sync":
        own_tracker.record_click(*told)
    else:
        asyncio.run(arecord_click(own_tracker, *told))
    assert link == []
    worker.perform(*engine.jobs)
    assert link == [("https://shop.example/", (1,), {"key": 2})]


# -- with an engine as an option ------------------------------------------------------


def hit(tracking: PtrackWSGIMiddleware, url: str, method: str = "GET") -> bytes:
    path = url.removeprefix("https://www.example.com").encode()
    answer = tracking(environ_of(Request(method, path)), lambda status, headers: None)
    return b"".join(answer)


def test_middleware_hands_pixels_and_links_to_its_engine(
    own_tracker: Tracker, calls: Calls, link: Calls
):
    engine = Kept()
    tracking = PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine)
    assert hit(tracking, tracking.pixel_url(1)) == PIXEL.body
    hit(tracking, tracking.link_url("https://shop.example/", 2))
    assert len(engine.jobs) == 2
    assert (kinds(calls), link) == (["quick"], [])
    for job in engine.jobs:
        worker.perform(job)
    assert kinds(calls) == ["quick", "slow"]
    assert link == [("https://shop.example/", (2,), {})]


def test_what_is_no_hit_is_no_job(own_tracker: Tracker, calls: Calls):
    engine = Kept()
    tracking = PtrackWSGIMiddleware(None, tracker=own_tracker, background=engine)
    hit(tracking, tracking.pixel_url(1), "HEAD")
    hit(tracking, tracking.pixel_url(1), "POST")
    hit(tracking, "/ptrack/garbage/")
    assert (calls, engine.jobs) == ([], [])


def test_start_up_warns_of_what_has_no_engine(
    own_tracker: Tracker, calls: Calls, caplog: pytest.LogCaptureFixture
):
    PtrackWSGIMiddleware(None, tracker=own_tracker, background=Kept())
    assert caplog.records == []
    PtrackWSGIMiddleware(None, tracker=own_tracker)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "Slow is to run in the background, and runs in the request" in (
        record.getMessage()
    )


def test_django_hands_over_to_the_engine_of_its_settings(client: Any, settings: Any):
    settings.PTRACK_BACKGROUND = engine = Kept()
    found = []
    with emptied(ptrack.tracker):

        @ptrack.tracker.register
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
                found.append((request.META["HTTP_USER_AGENT"], args))

        path = ptrack.pixel_url(1).removeprefix("https://www.example.com")
        answer = client.get(path, headers={"User-Agent": "Mail/1"})
        assert answer.content == PIXEL.body
        assert found == []
        worker.perform(*engine.jobs)
    assert found == [("Mail/1", (1,))]
