"""ptrack.core.callbacks: registering, running, and isolating callbacks."""

import abc
import asyncio
import functools
import gc
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async

import ptrack
from ptrack.core import callbacks as trackers
from ptrack.core.callbacks import Tracker, TrackingPixel, tracker
from ptrack.core.concurrency import ended
from ptrack.exceptions import PtrackError, PtrackRegistrationError
from tests.recording import arecord, arecord_click, clicked, registered


class Sync(TrackingPixel):
    log: list[Any] = []  # noqa: RUF012 - shared, to see the order across classes

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        self.log.append((type(self).__name__, request, args, kwargs))


class Second(Sync):
    pass


class Async(Sync):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        super().record(request, *args, **kwargs)


class Hidden(Sync):
    """Async behind a decorator that doesn't look so."""

    def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return self._later(request, *args, **kwargs)

    async def _later(self, *hit: Any, **kwargs: Any) -> None:
        super().record(*hit, **kwargs)


class Failing(TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise LookupError("on purpose")


class FailingAsync(TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise asyncio.CancelledError


@pytest.fixture(autouse=True)
def log() -> list[Any]:
    Sync.log.clear()
    return Sync.log


def sync_hit(registry: Tracker, *args: Any, **kwargs: Any) -> None:
    registry.record("request", args, kwargs)


def async_hit(registry: Tracker, *args: Any, **kwargs: Any) -> None:
    asyncio.run(arecord(registry, "request", args, kwargs))


either_way = pytest.mark.parametrize("hit", [sync_hit, async_hit])


# -- registering ----------------------------------------------------------------------


def test_register_is_a_decorator_and_the_class_stays_itself(own_tracker, log):
    @own_tracker.register
    class Pixel(Sync):
        pass

    assert isinstance(Pixel, type)
    sync_hit(own_tracker, 1)
    assert log == [("Pixel", "request", (1,), {})]


@pytest.mark.parametrize("stranger", ["text", Sync(), len, None, 1])
def test_registering_what_is_no_class_raises_and_names_it(own_tracker, stranger):
    with pytest.raises(PtrackRegistrationError, match="is not a class") as caught:
        own_tracker.register(stranger)
    assert repr(stranger) in str(caught.value)
    assert isinstance(caught.value, PtrackError)


def test_registering_a_stranger_raises_and_names_it(own_tracker):
    with pytest.raises(
        PtrackRegistrationError, match=r"builtins\.dict does not inherit"
    ):
        own_tracker.register(dict)


def test_registering_twice_raises_and_names_it(own_tracker):
    own_tracker.register(Sync)
    with pytest.raises(
        PtrackRegistrationError, match=r"test_trackers\.Sync is already"
    ):
        own_tracker.register(Sync)


def test_two_classes_of_one_name_are_both_registered(own_tracker, log):
    twin = type("Sync", (Sync,), {"__module__": "elsewhere"})
    own_tracker.register(Sync)
    own_tracker.register(twin)
    sync_hit(own_tracker)
    assert [name for name, *_ in log] == ["Sync", "Sync"]


def test_class_that_leaves_record_abstract_cannot_be_registered(own_tracker):
    class Lazy(TrackingPixel):
        pass

    with pytest.raises(
        PtrackRegistrationError, match=r"Lazy is abstract: define record"
    ):
        own_tracker.register(Lazy)
    with pytest.raises(TypeError):
        TrackingPixel()


def test_record_is_abstract_and_its_default_does_nothing():
    assert TrackingPixel.__abstractmethods__ == {"record"}
    assert isinstance(TrackingPixel, abc.ABCMeta)
    assert TrackingPixel.record(Sync(), None) is None


def test_class_that_needs_arguments_cannot_be_registered(own_tracker):
    class Needy(Sync):
        def __init__(self, needed: int) -> None:
            raise AssertionError("never called without it")

    with pytest.raises(PtrackRegistrationError, match="instantiated without arguments"):
        own_tracker.register(Needy)


def test_unregistered_class_runs_no_more_and_may_come_back(own_tracker, log):
    own_tracker.register(Sync)
    own_tracker.register(Second)
    own_tracker.unregister(Sync)
    sync_hit(own_tracker)
    assert [name for name, *_ in log] == ["Second"]
    own_tracker.register(Sync)


def test_unregistering_what_is_not_registered_raises_and_names_it(own_tracker):
    with pytest.raises(PtrackRegistrationError, match=r"\.Sync is not registered"):
        own_tracker.unregister(Sync)


def test_package_has_a_tracker_of_its_own():
    assert ptrack.tracker is tracker
    assert Tracker().name == "ptrack"


# -- running --------------------------------------------------------------------------


@either_way
def test_all_run_in_order_of_registration_sync_and_async_alike(own_tracker, log, hit):
    for pixel in (Second, Async, Sync, Hidden):
        own_tracker.register(pixel)
    hit(own_tracker, 1, key="value")
    assert log == [
        (name, "request", (1,), {"key": "value"})
        for name in ("Second", "Async", "Sync", "Hidden")
    ]


@either_way
def test_no_callback_is_no_error(own_tracker, hit):
    hit(own_tracker, 1)


@either_way
def test_one_failure_is_logged_and_the_others_run(own_tracker, log, hit, caplog):
    for pixel in (Sync, Failing, FailingAsync, Second):
        own_tracker.register(pixel)
    hit(own_tracker)
    assert [name for name, *_ in log] == ["Sync", "Second"]
    assert [(r.name, r.levelno) for r in caplog.records] == [
        ("ptrack", logging.ERROR)
    ] * 2
    assert "test_trackers.Failing failed" in caplog.records[0].getMessage()
    assert "on purpose" in caplog.text
    assert "Traceback" in caplog.text
    assert "FailingAsync failed" in caplog.text


@either_way
def test_arguments_that_a_callback_does_not_take_are_its_failure(
    own_tracker, hit, caplog
):
    @own_tracker.register
    class Narrow(TrackingPixel):
        def record(self, request: Any) -> None:
            raise AssertionError("never reached")

    hit(own_tracker, 1)
    assert "Narrow failed" in caplog.text


@either_way
@pytest.mark.parametrize("asynchronous", [True, False])
def test_failure_that_is_no_exception_is_one_too(
    own_tracker, log, hit, caplog, asynchronous: bool
):
    """What is written in Rust panics so, and gevent's timeouts are of this kind."""

    class Panic(BaseException):
        pass

    class Panicking(TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise Panic

    class PanickingAsync(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise Panic

    own_tracker.register(PanickingAsync if asynchronous else Panicking)
    own_tracker.register(Async)
    own_tracker.register(Sync)
    hit(own_tracker)
    assert [name for name, *_ in log] == ["Async", "Sync"]
    (record,) = caplog.records
    assert "failed" in record.getMessage()
    assert record.exc_info[0] is Panic


def test_cancellation_that_one_leaves_behind_is_nobody_elses(own_tracker, log, caplog):
    """A task that cancels itself is cancelled where it waits next."""

    class Leaving(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            self.log.append((type(self).__name__,))
            asyncio.current_task().cancel()

    class Again(Leaving):
        pass

    for pixel in (Leaving, Async, Again, Sync, Second):
        own_tracker.register(pixel)
    async_hit(own_tracker)
    assert [name for name, *_ in log] == ["Leaving", "Async", "Again", "Sync", "Second"]
    assert caplog.records == []


def test_where_there_is_no_thread_that_is_logged_and_the_others_run(
    own_tracker, log, caplog
):
    """Without frames, all of which would hold what the pixel carries."""
    for pixel in (Sync, Second, Async):
        own_tracker.register(pixel)

    async def without_threads() -> None:
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        asyncio.get_running_loop().set_default_executor(pool)
        started = own_tracker.begin("request", (1,), {}, thread_sensitive=False)
        assert started is not None
        await ended(started)

    asyncio.run(without_threads())
    assert log == [("Async", "request", (1,), {})]
    names = [record.getMessage().rpartition(".")[2] for record in caplog.records]
    assert names == ["Sync failed", "Second failed"]
    for record in caplog.records:
        assert isinstance(record.exc_info[1], RuntimeError)
        frames = traceback.extract_tb(record.exc_info[2])
        assert {frame.name for frame in frames} <= {"_arun_blocking", "_failed"}


@pytest.mark.parametrize("way_out", [KeyboardInterrupt, SystemExit])
def test_the_way_out_of_the_process_is_not_swallowed(own_tracker, way_out):
    @own_tracker.register
    class Exiting(TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise way_out

    class ExitingAsync(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise way_out

    async def in_any_thread() -> None:
        task = own_tracker.begin("request", (), {}, thread_sensitive=False)
        assert task is not None
        await ended(task)

    with pytest.raises(way_out):
        sync_hit(own_tracker)
    with pytest.raises(way_out):
        async_hit(own_tracker)
    with pytest.raises(way_out):
        asyncio.run(in_any_thread())
    own_tracker.unregister(Exiting)
    own_tracker.register(ExitingAsync)
    with pytest.raises(way_out):
        async_hit(own_tracker)
    # asyncio logs the tasks that were broken off when they are collected: now, and not
    # in another test.
    gc.collect()


def test_sync_callbacks_stay_in_one_thread_under_async(own_tracker):
    """What Django's ORM needs: a connection belongs to a thread."""
    threads = []

    def pixel(_: int) -> type[TrackingPixel]:
        class Pixel(TrackingPixel):
            def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
                threads.append(threading.current_thread())

        return Pixel

    own_tracker.register(pixel(1))
    own_tracker.register(Async)
    own_tracker.register(pixel(2))

    async def two_hits() -> threading.Thread:
        await arecord(own_tracker, "request", (), {})
        await arecord(own_tracker, "request", (), {})
        return await sync_to_async(threading.current_thread)()

    thread_of_djangos_sync_code = asyncio.run(two_hits())
    assert threads == [thread_of_djangos_sync_code] * 4


def test_client_that_goes_away_does_not_cancel_the_recording(own_tracker, log):
    """Cancelled in the midst of the first callback, both are recorded all the same."""
    started = asyncio.Event()

    @own_tracker.register
    class Slow(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            started.set()
            await asyncio.sleep(0.05)
            await super().record(request, *args, **kwargs)

    own_tracker.register(Sync)

    async def broken_off() -> None:
        task = asyncio.ensure_future(arecord(own_tracker, "request", (), {}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(broken_off())
    assert [name for name, *_ in log] == ["Slow", "Sync"]


def test_registering_during_a_hit_takes_effect_at_the_next(own_tracker, log):
    @own_tracker.register
    class Registering(Sync):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            super().record(request)
            if args == ("first",):
                own_tracker.register(Second)

    sync_hit(own_tracker, "first")
    assert [name for name, *_ in log] == ["Registering"]
    sync_hit(own_tracker)
    assert [name for name, *_ in log] == ["Registering", "Registering", "Second"]


def test_callbacks_can_be_called_by_the_signature_of_300(own_tracker, log):
    own_tracker.register(Sync)
    own_tracker.call_callbacks("request", 1, key=2)
    own_tracker.call_callbacks("request", self=3)
    assert log[0] == ("Sync", "request", (1,), {"key": 2})
    assert len(log) == 1, "a callback with a “self” of its own can't take another"


def test_record_may_be_a_partial_or_any_callable(own_tracker):
    seen = []

    @own_tracker.register
    class Partial(TrackingPixel):
        record = staticmethod(functools.partial(seen.append))

    sync_hit(own_tracker)
    assert seen == ["request"]


def test_links_and_pixels_are_told_apart_in_one_registry(own_tracker):
    with registered(own_tracker) as opens, clicked(own_tracker) as clicks:
        own_tracker.record("request", ["a"], {"k": 1})
        own_tracker.record_click("request", "https://h/", ["b"], {"k": 2})
        asyncio.run(arecord_click(own_tracker, "request", "https://h/", ["c"], {}))
    assert opens.hits == [(("a",), {"k": 1})]
    assert clicks.hits == [("https://h/", ("b",), {"k": 2}), ("https://h/", ("c",), {})]


def test_class_for_both_pixels_and_links_is_refused(own_tracker):
    class Both(ptrack.TrackingPixel, ptrack.TrackingLink):
        def record(self, request, *args):
            pass

    with pytest.raises(PtrackRegistrationError, match="inherit from one of"):
        own_tracker.register(Both)


def test_worker_finds_classes_by_name_so_one_for_the_background_has_its_own(
    own_tracker,
):
    def same_name():
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request, *args, **kwargs): ...

        return Slow

    own_tracker.register(same_name())
    with pytest.raises(PtrackRegistrationError, match=r"Another class named .*Slow is"):
        own_tracker.register(same_name())


def test_names_of_what_runs_in_the_background_are_told(own_tracker):
    assert own_tracker.in_background == []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request, *args, **kwargs): ...

    assert own_tracker.in_background == [f"{__name__}.{Slow.__qualname__}"]


def test_registry_that_is_gone_is_not_found():
    """Nor one that no longer has the class."""
    own = Tracker()

    @own.register
    class Gone(ptrack.TrackingPixel):
        def record(self, request, *args, **kwargs): ...

    name = f"{__name__}.{Gone.__qualname__}"
    assert trackers.perform(name, None, (), {}) is True
    own.unregister(Gone)
    assert trackers.perform(name, None, (), {}) is None
    assert trackers.perform("no.such", None, (), {}) is None


def test_worker_finds_a_class_in_whatever_registry_still_has_it(own_tracker):
    class Behind(Sync):
        background = True

    other = Tracker("other")
    own_tracker.register(Behind)
    other.register(Behind)
    name = f"{__name__}.{Behind.__qualname__}"
    other.unregister(Behind)
    assert trackers.perform(name, "request", (1,), {}) is True
    del other
    gc.collect()
    assert trackers.perform(name, "request", (2,), {}) is True
    assert [args for _, _, args, _ in Sync.log] == [(1,), (2,)]


def test_tracker_tells_what_it_runs(own_tracker):
    own_tracker.register(Second)
    assert own_tracker.runs(Second)
    assert own_tracker.runs(Async, Sync)
    assert not own_tracker.runs(Async)
    assert not own_tracker.runs(ptrack.TrackingLink)
