"""ptrack.core.callbacks: registering, running, and isolating callbacks."""

import abc
import asyncio
import functools
import gc
import inspect
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from asgiref.sync import async_to_sync, sync_to_async

import ptrack
from ptrack.core import concurrency
from ptrack.core.callbacks import Tracker, run_by_name, tracker
from ptrack.core.hits import Hit
from ptrack.core.kinds import LINK, PIXEL, TrackingPixel
from ptrack.exceptions import PtrackError, PtrackRegistrationError
from tests.core.endpoints import KeepingEngine, Request
from tests.recording import register_clicks, register_recorder


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
    """An async callback behind a decorator that looks sync."""

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


class Slow(Sync):
    background = True


class SlowAsync(Async):
    background = True


@pytest.fixture(autouse=True)
def log() -> list[Any]:
    """Return the list that `Sync` and its subclasses put their calls into."""
    Sync.log.clear()
    return Sync.log


def get_names(log: list[Any]) -> list[str]:
    return [name for name, *_ in log]


def make_hit(*args: Any, **kwargs: Any) -> Hit:
    return Hit(PIXEL, "request", args, kwargs)


def run_sync(registry: Tracker, hit: Hit | None = None, **options: Any) -> bool:
    return registry.run(hit or make_hit(), **options)


def run_async(registry: Tracker, hit: Hit | None = None, **options: Any) -> bool:
    return asyncio.run(registry.arun(hit or make_hit(), **options))


def run_async_in_any_thread(
    registry: Tracker, hit: Hit | None = None, **options: Any
) -> bool:
    return run_async(registry, hit, thread_sensitive=False, **options)


Run = Callable[..., bool]
every_way = pytest.mark.parametrize(
    "run", [run_sync, run_async, run_async_in_any_thread]
)


# -- registering ----------------------------------------------------------------------


def test_register_is_a_decorator_and_the_class_stays_itself(own_tracker, log):
    @own_tracker.register
    class Pixel(Sync):
        pass

    assert isinstance(Pixel, type)
    run_sync(own_tracker, make_hit(1))
    assert log == [("Pixel", "request", (1,), {})]


@pytest.mark.parametrize("stranger", ["text", Sync(), len, None, 1])
def test_registering_an_object_that_is_no_class_raises_and_names_it(
    own_tracker, stranger
):
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
        PtrackRegistrationError, match=r"test_callbacks\.Sync is already"
    ):
        own_tracker.register(Sync)
    assert own_tracker.callbacks == (Sync,)


def test_two_classes_of_one_name_are_both_registered(own_tracker, log):
    twin = type("Sync", (Sync,), {"__module__": "elsewhere"})
    own_tracker.register(Sync)
    own_tracker.register(twin)
    run_sync(own_tracker)
    assert get_names(log) == ["Sync", "Sync"]


def test_class_that_leaves_record_abstract_cannot_be_registered(own_tracker):
    class Lazy(TrackingPixel):
        pass

    with pytest.raises(
        PtrackRegistrationError, match=r"Lazy is abstract: define record"
    ):
        own_tracker.register(Lazy)
    with pytest.raises(TypeError):
        TrackingPixel()


@pytest.mark.parametrize("base", [ptrack.TrackingPixel, ptrack.TrackingLink])
def test_record_is_abstract_and_its_default_does_nothing(base):
    assert base.__abstractmethods__ == {"record"}
    assert isinstance(base, abc.ABCMeta)
    assert base.record(object(), None, "https://h.example/") is None
    assert super(base, base).record(object(), None) is None


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
    run_sync(own_tracker)
    assert get_names(log) == ["Second"]
    own_tracker.register(Sync)
    assert own_tracker.callbacks == (Second, Sync)


@pytest.mark.parametrize("stranger", [Sync, "text"])
def test_unregistering_a_stranger_raises_and_names_it(own_tracker, stranger):
    with pytest.raises(
        PtrackRegistrationError, match=r"(\.Sync|'text') is not registered with own"
    ):
        own_tracker.unregister(stranger)


def test_package_has_a_tracker_of_its_own():
    assert ptrack.tracker is tracker
    assert Tracker().name == "ptrack"


def test_class_for_both_pixels_and_links_is_refused(own_tracker):
    class Both(ptrack.TrackingPixel, ptrack.TrackingLink):
        def record(self, request, *args):
            pass

    with pytest.raises(PtrackRegistrationError, match="inherit from exactly one of"):
        own_tracker.register(Both)


def make_slow() -> type[TrackingPixel]:
    class Slow(Sync):
        background = True

    return Slow


def test_class_for_the_background_has_a_name_of_its_own(own_tracker):
    """A worker finds classes by their names."""
    own_tracker.register(make_slow())
    with pytest.raises(PtrackRegistrationError, match=r"Another class named .*Slow is"):
        own_tracker.register(make_slow())


def test_names_of_callbacks_for_the_background_are_known(own_tracker):
    assert own_tracker.in_background == []
    own_tracker.register(Sync)
    own_tracker.register(Slow)
    assert own_tracker.in_background == [f"{__name__}.Slow"]


def test_tracker_knows_which_classes_it_runs(own_tracker):
    own_tracker.register(Second)
    assert own_tracker.runs(Second)
    assert own_tracker.runs(Async, Sync)
    assert not own_tracker.runs(Async)
    assert not own_tracker.runs(ptrack.TrackingLink)


# -- running --------------------------------------------------------------------------


@every_way
def test_all_run_in_order_of_registration_sync_and_async_alike(
    own_tracker, log, run: Run
):
    for pixel in (Second, Async, Sync, Hidden):
        own_tracker.register(pixel)
    assert run(own_tracker, make_hit(1, key="value"))
    assert log == [
        (name, "request", (1,), {"key": "value"})
        for name in ("Second", "Async", "Sync", "Hidden")
    ]


@every_way
def test_hit_without_a_callback_succeeds(own_tracker, run: Run):
    assert run(own_tracker)


@every_way
def test_one_failure_is_logged_and_the_others_run(own_tracker, log, run: Run, caplog):
    for pixel in (Sync, Failing, FailingAsync, Second):
        own_tracker.register(pixel)
    assert not run(own_tracker)
    assert get_names(log) == ["Sync", "Second"]
    records = [(each.name, each.levelno) for each in caplog.records]
    assert records == [("ptrack", logging.ERROR)] * 2
    assert caplog.messages == [
        f"Callback {__name__}.Failing failed",
        f"Callback {__name__}.FailingAsync failed",
    ]
    assert "on purpose" in caplog.text
    assert "Traceback" in caplog.text


@every_way
@pytest.mark.parametrize("failing", [Failing, FailingAsync])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_whether_all_succeeded_is_returned_wherever_one_fails(
    own_tracker, run: Run, failing, place
):
    others = [Sync, Async]
    for pixel in (*others[:place], failing, *others[place:]):
        own_tracker.register(pixel)
    assert run(own_tracker) is False
    own_tracker.unregister(failing)
    assert run(own_tracker) is True


@every_way
def test_arguments_that_a_callback_does_not_take_are_its_failure(
    own_tracker, run: Run, caplog
):
    @own_tracker.register
    class Narrow(TrackingPixel):
        def record(self, request: Any) -> None:
            raise AssertionError("never reached")

    assert not run(own_tracker, make_hit(1))
    assert "Narrow failed" in caplog.text


@every_way
@pytest.mark.parametrize("is_async", [True, False])
def test_failure_may_be_no_exception(
    own_tracker, log, run: Run, caplog, is_async: bool
):
    """Panics in libraries in Rust and gevent's timeouts aren't subclasses of it."""

    class Panic(BaseException):
        pass

    class Panicking(TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise Panic

    class PanickingAsync(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise Panic

    own_tracker.register(PanickingAsync if is_async else Panicking)
    own_tracker.register(Async)
    own_tracker.register(Sync)
    assert not run(own_tracker)
    assert get_names(log) == ["Async", "Sync"]
    (record,) = caplog.records
    assert "failed" in record.getMessage()
    assert record.exc_info[0] is Panic


@pytest.fixture
def without_threads(monkeypatch):
    """Take all threads from ptrack, as at the end of a process."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    monkeypatch.setattr(concurrency, "_make_pool", lambda: pool)


def test_callbacks_that_need_no_thread_run_without_threads(
    own_tracker, log, caplog, without_threads
):
    """The frames of that failure aren't logged: they hold the pixel's arguments."""
    for pixel in (Sync, Second, Async):
        own_tracker.register(pixel)
    assert run_async(own_tracker, make_hit(1), thread_sensitive=False) is False
    assert log == [("Async", "request", (1,), {})]
    assert caplog.messages == [
        f"Callback {__name__}.{name} failed" for name in ("Sync", "Second")
    ]
    for record in caplog.records:
        assert isinstance(record.exc_info[1], RuntimeError)
        assert traceback.extract_tb(record.exc_info[2]) == []


def make_raising(error: BaseException, way: str) -> type[TrackingPixel]:
    """Return a callback that raises: sync, async before or after a pause, or hidden."""

    class Raising(TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            if way == "hidden":
                return self._later()
            raise error

        async def _later(self) -> None:
            raise error

    class RaisingAsync(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            if way == "async later":
                await asyncio.sleep(0)
            raise error

    return RaisingAsync if way.startswith("async") else Raising


WAYS = ["sync", "hidden", "async", "async later"]


def run_in_another_thread(
    registry: Tracker, hit: Hit | None = None, **options: Any
) -> bool:
    """Run callbacks as a server with threads does."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run_sync, registry, hit, **options).result(30)


SERVERS = [run_sync, run_in_another_thread, run_async, run_async_in_any_thread]
from_any_server = pytest.mark.parametrize("run", SERVERS)
beside_the_main_thread = pytest.mark.parametrize("run", SERVERS[1:])


@pytest.mark.parametrize(
    ("run", "way", "error"),
    [
        (run, way, error)
        for run in SERVERS
        for way in WAYS
        for error in (SystemExit(3), GeneratorExit(), asyncio.CancelledError())
        if (run, way, type(error)) != (run_sync, "sync", SystemExit)
    ],
)
def test_callback_that_means_to_end_something_has_failed_and_nothing_ends(
    own_tracker, log, run: Run, caplog, way: str, error: BaseException
):
    """In the main thread of a sync server, `sys.exit` ends the process: see below."""
    raising = own_tracker.register(make_raising(error, way))
    own_tracker.register(Async)
    own_tracker.register(Sync)
    failed = count_failures(own_tracker)
    assert run(own_tracker) is False
    assert get_names(log) == ["Async", "Sync"]
    (record,) = caplog.records
    assert record.getMessage().endswith(f"{raising.__name__} failed")
    assert failed == [f"{__name__}.{raising.__qualname__}"]


def count_failures(registry: Tracker) -> list[str]:
    """Count the failures of a registry's callbacks; return the list of their names."""

    class Counting(ptrack.Counters):
        def failed(self, callback: str) -> None:
            failed.append(callback)

    failed: list[str] = []
    registry.counters = Counting()
    return failed


def expect_way_out(error: type[BaseException], run: Callable[[], Any]) -> None:
    """Fail unless a call raises this, and collect the tasks that it broke off.

    asyncio logs them when they are collected, which must not happen in another test:
    what holds the exception has to end with the call.
    """
    with pytest.raises(error):
        run()
    gc.collect()


@pytest.mark.parametrize("way", WAYS)
@from_any_server
def test_interrupt_is_passed_on(own_tracker, log, run: Run, way: str):
    own_tracker.register(make_raising(KeyboardInterrupt(), way))
    own_tracker.register(Sync)
    expect_way_out(KeyboardInterrupt, lambda: run(own_tracker))
    assert log == []


def test_exit_in_the_main_thread_of_a_sync_server_is_passed_on(own_tracker, log):
    """The signal handlers of gunicorn end its workers in this way."""
    own_tracker.register(make_raising(SystemExit(), "sync"))
    own_tracker.register(Sync)
    with pytest.raises(SystemExit):
        run_sync(own_tracker)
    assert log == []


@pytest.mark.parametrize("blocking", [Sync, Async])
def test_signal_handler_that_exits_ends_the_process_during_a_callback(
    own_tracker, log, caplog, blocking: type[Sync]
):
    """Even if an event loop waits for that callback, in another thread."""

    class Waiting(blocking):  # type: ignore[misc, valid-type]
        def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            signal.raise_signal(signal.SIGUSR1)
            return super().record(request)

    def end(*_: Any) -> None:
        raise SystemExit(7)

    own_tracker.register(Waiting)
    own_tracker.register(Sync)
    before = signal.signal(signal.SIGUSR1, end)
    try:
        with pytest.raises(SystemExit, match="7"):
            run_sync(own_tracker)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (log, caplog.records) == ([], [])


def test_sync_callback_under_an_event_loop_beside_the_main_thread(own_tracker, log):
    """A sync server runs an async view so; a signal ends the process there too."""
    own_tracker.register(make_raising(SystemExit(), "sync"))
    own_tracker.register(Sync)
    expect_way_out(SystemExit, lambda: async_to_sync(own_tracker.arun)(make_hit()))
    assert log == []


def test_callbacks_that_are_closed_with_their_loop_are_closed(own_tracker, log, caplog):
    """Python closes a coroutine that is collected, which can't wait any more."""

    @own_tracker.register
    class Waiting(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.get_running_loop().create_future()

    own_tracker.register(Async)

    def start_and_forget() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(own_tracker.arun(make_hit()))
        loop.run_until_complete(asyncio.sleep(0))
        task.get_coro().close()
        loop.close()

    start_and_forget()
    gc.collect()
    assert log == []
    assert [each for each in caplog.messages if "failed" in each] == []


@pytest.mark.parametrize("error", [SystemExit(), GeneratorExit(), KeyError()])
def test_context_that_ends_the_thread_is_the_failure_of_its_callback(
    own_tracker, log, error: BaseException
):
    @contextmanager
    def make_context() -> Iterator[None]:
        yield
        raise error

    own_tracker.register(Sync)
    own_tracker.register(Async)
    assert not run_in_another_thread(own_tracker, within=make_context)
    assert get_names(log) == ["Sync", "Async"]


@beside_the_main_thread
@pytest.mark.parametrize("error", [SystemExit(), GeneratorExit(), KeyError()])
def test_engine_that_means_to_end_something_has_refused_the_hit(
    own_tracker, log, run: Run, error: BaseException
):
    own_tracker.register(Slow)
    hit = Hit(PIXEL, Request(), (), {})
    assert run(own_tracker, hit, engine=KeepingEngine(error))
    assert get_names(log) == ["Slow"]


class BrokenHandler(logging.Handler):
    """A log handler that raises, as one does whose stream is closed."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self._error


@from_any_server
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error", [OSError(), ValueError("I/O operation on closed file"), GeneratorExit()]
)
def test_log_that_fails_costs_no_callback_and_no_count(
    own_tracker, log, run: Run, way: str, error: BaseException
):
    own_tracker.register(make_raising(LookupError(), way))
    own_tracker.register(Async)
    own_tracker.register(Sync)
    failed = count_failures(own_tracker)
    handler = BrokenHandler(error)
    logging.getLogger("ptrack").addHandler(handler)
    try:
        assert run(own_tracker) is False
    finally:
        logging.getLogger("ptrack").removeHandler(handler)
    assert get_names(log) == ["Async", "Sync"]
    assert len(failed) == 1


def test_failure_that_keeps_its_frames_to_itself_is_logged(own_tracker, log, caplog):
    class StubbornError(Exception):
        def with_traceback(self, trace: Any) -> Any:
            raise RuntimeError("no")

    own_tracker.register(make_raising(StubbornError(), "sync"))
    own_tracker.register(Sync)
    assert run_sync(own_tracker) is False
    assert get_names(log) == ["Sync"]
    assert len(caplog.records) == 1


@every_way
@pytest.mark.parametrize("hidden", ["__traceback__", "__class__", None])
@pytest.mark.parametrize("way", ["sync", "async", "async later", "hidden"])
def test_failure_that_cannot_be_looked_at_is_logged(
    own_tracker, log, run: Run, caplog, way: str, hidden: str | None
):
    class HidingError(Exception):
        def __getattribute__(self, name: str) -> Any:
            if hidden in (None, name):
                raise RuntimeError("no")
            return super().__getattribute__(name)

    own_tracker.register(make_raising(HidingError(), way))
    own_tracker.register(Sync)
    assert run(own_tracker) is False
    assert get_names(log) == ["Sync"]
    (record,) = caplog.records
    assert record.exc_info[0] is HidingError


def test_sync_callbacks_stay_in_one_thread_under_async(own_tracker):
    """Django's ORM needs that: a connection belongs to a thread."""
    threads = []

    def make_pixel(_: int) -> type[TrackingPixel]:
        class Pixel(TrackingPixel):
            def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
                threads.append(threading.current_thread())

        return Pixel

    own_tracker.register(make_pixel(1))
    own_tracker.register(Async)
    own_tracker.register(make_pixel(2))

    async def hit_twice() -> threading.Thread:
        await own_tracker.arun(make_hit())
        await own_tracker.arun(make_hit())
        return await sync_to_async(threading.current_thread)()

    thread_of_djangos_sync_code = asyncio.run(hit_twice())
    assert threads == [thread_of_djangos_sync_code] * 4


@pytest.mark.parametrize(
    ("pixels", "changes"),
    [((Sync, Second), 1), ((Sync, Async, Second), 2), ((Async,), 0), ((), 0)],
)
def test_neighbours_share_one_change_of_thread(
    own_tracker, log, pixels, changes, monkeypatch
):
    """A change of thread costs more than most callbacks do."""

    class CountingPool(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            self.submitted += 1
            return super().submit(*args, **kwargs)

    for pixel in pixels:
        own_tracker.register(pixel)
    pool = CountingPool(1)

    async def main() -> None:
        await own_tracker.arun(make_hit(), thread_sensitive=False)

    monkeypatch.setattr(concurrency, "_make_pool", lambda: pool)
    asyncio.run(main())
    assert get_names(log) == [pixel.__name__ for pixel in pixels]
    assert pool.submitted == changes


def test_registering_during_a_hit_takes_effect_at_the_next(own_tracker, log):
    @own_tracker.register
    class Registering(Sync):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            super().record(request)
            if args == ("first",):
                own_tracker.register(Second)

    run_sync(own_tracker, make_hit("first"))
    assert get_names(log) == ["Registering"]
    run_sync(own_tracker)
    assert get_names(log) == ["Registering", "Registering", "Second"]


def test_callbacks_can_be_called_by_the_signature_of_300(own_tracker, log):
    own_tracker.register(Sync)
    assert own_tracker.call_callbacks("request", 1, key=2) is None
    own_tracker.call_callbacks("request", self=3)
    assert log[0] == ("Sync", "request", (1,), {"key": 2})
    assert len(log) == 1, "a callback with a “self” of its own can't take another"


def test_record_may_be_a_partial_or_any_callable(own_tracker):
    seen = []

    @own_tracker.register
    class Partial(TrackingPixel):
        record = staticmethod(functools.partial(seen.append))

    assert run_sync(own_tracker)
    assert seen == ["request"]


@every_way
def test_each_kind_of_hit_runs_its_own_callbacks(own_tracker, run: Run):
    with (
        register_recorder(own_tracker) as opens,
        register_clicks(own_tracker) as clicks,
    ):
        run(own_tracker, Hit(PIXEL, "request", ["a"], {"k": 1}))
        run(own_tracker, Hit(LINK, "request", ["b"], {"k": 2}, "https://h/"))
    assert opens.hits == [(("a",), {"k": 1})]
    assert clicks.hits == [("https://h/", ("b",), {"k": 2})]


def test_each_sync_callback_runs_within_a_context_of_its_own(own_tracker, log):
    @contextmanager
    def make_context() -> Iterator[None]:
        log.append(("enter",))
        yield
        log.append(("exit",))

    for pixel in (Sync, Async, Second):
        own_tracker.register(pixel)
    assert own_tracker.run(make_hit(), within=make_context)
    assert get_names(log) == [
        "enter",
        "Sync",
        "exit",
        "Async",
        "enter",
        "Second",
        "exit",
    ]


def test_context_that_fails_is_the_failure_of_its_callback(own_tracker, log, caplog):
    @contextmanager
    def make_context() -> Iterator[None]:
        yield
        raise OSError("no commit")

    own_tracker.register(Sync)
    own_tracker.register(Async)
    assert not own_tracker.run(make_hit(), within=make_context)
    assert get_names(log) == ["Sync", "Async"]
    assert caplog.messages == [f"Callback {__name__}.Sync failed"]


# -- cancellation ---------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 20])
def test_client_that_goes_away_does_not_cancel_the_recording(own_tracker, log, times):
    """The request is cancelled during the first callback, and all run all the same."""
    started = asyncio.Event()

    @own_tracker.register
    class Waiting(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            started.set()
            await asyncio.sleep(0.05)
            await super().record(request, *args, **kwargs)

    own_tracker.register(Sync)
    own_tracker.register(Async)

    async def break_off() -> None:
        task = asyncio.ensure_future(own_tracker.arun(make_hit()))
        await started.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert log == []
        with pytest.raises(asyncio.CancelledError):
            await task
        assert get_names(log) == ["Waiting", "Sync", "Async"]

    asyncio.run(break_off())


def test_client_that_goes_away_during_a_sync_callback_changes_nothing(own_tracker, log):
    started, free = threading.Event(), threading.Event()

    @own_tracker.register
    class Waiting(Sync):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            started.set()
            assert free.wait(10)
            super().record(request)

    own_tracker.register(Async)

    async def break_off() -> None:
        task = asyncio.ensure_future(own_tracker.arun(make_hit()))
        assert await asyncio.to_thread(started.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_later(0.02, free.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert get_names(log) == ["Waiting", "Async"]

    asyncio.run(break_off())


def test_cancelled_scope_of_anyio_does_not_cancel_the_recording(own_tracker, log):
    """It cancels again at every turn of the loop."""

    @own_tracker.register
    class Waiting(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0.02)
            await super().record(request)

    own_tracker.register(Sync)

    async def break_off() -> None:
        with anyio.move_on_after(0.001) as scope:
            await own_tracker.arun(make_hit())
        assert scope.cancelled_caught

    asyncio.run(break_off())
    assert get_names(log) == ["Waiting", "Sync"]


@pytest.mark.parametrize("waits", [False, True])
def test_callback_that_cancels_its_own_task_does_not_hurt_the_next(
    own_tracker, log, caplog, waits
):
    """A task that cancels itself is cancelled where it waits next."""

    class Leaving(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            self.log.append((type(self).__name__,))
            asyncio.current_task().cancel()
            if waits:
                await asyncio.sleep(0)

    class Again(Leaving):
        pass

    class Timing(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.01)
            await super().record(request)

    pixels = (Leaving, Async, Again, Sync, Timing, Second)
    for pixel in pixels:
        own_tracker.register(pixel)
    assert run_async(own_tracker) is not waits
    assert get_names(log) == [pixel.__name__ for pixel in pixels]
    # A cancellation is a failure of the callback only if it came out of it.
    assert len(caplog.records) == (2 if waits else 0)


def test_cancellation_that_a_callback_leaves_behind_meets_no_other(own_tracker, log):
    class Leaving(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            task = asyncio.current_task()
            asyncio.get_running_loop().call_later(0.01, task.cancel)
            await super().record(request)

    class Waiting(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0.05)
            await super().record(request)

    for pixel in (Leaving, Waiting):
        own_tracker.register(pixel)
    assert run_async(own_tracker)
    assert get_names(log) == ["Leaving", "Waiting"]


def test_end_of_a_generator_in_another_task_is_a_failure_as_any_other(
    own_tracker, log, caplog
):
    async def end() -> None:
        raise GeneratorExit

    class Ending(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.create_task(end())

    for pixel in (Ending, Async):
        own_tracker.register(pixel)
    assert not run_async(own_tracker)
    assert get_names(log) == ["Async"]
    assert len(caplog.records) == 1


def test_callback_that_is_cancelled_before_it_began_has_failed(
    own_tracker, log, caplog
):
    """Before Python 3.12, a task begins only at the next turn of the loop."""

    def cancel_new_tasks(turns: int) -> None:
        for task in asyncio.all_tasks():
            if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:
                task.cancel()
        if turns:
            asyncio.get_running_loop().call_soon(cancel_new_tasks, turns - 1)

    class Cancelling(Async):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await super().record(request)
            cancel_new_tasks(turns=10)

    for pixel in (Cancelling, Async):
        own_tracker.register(pixel)
    begins_at_once = sys.version_info >= (3, 12)

    async def main() -> bool:
        try:
            return await own_tracker.arun(make_hit())
        finally:
            # The loop's own last tasks aren't meant.
            for _ in range(10):
                await asyncio.sleep(0)

    assert asyncio.run(main()) == begins_at_once
    assert get_names(log) == ["Cancelling", "Async"][: 1 + begins_at_once]
    assert len(caplog.records) == (not begins_at_once)


def test_request_is_not_cancelled_by_a_callback_that_cancels_its_task(own_tracker):
    @own_tracker.register
    class Leaving(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            asyncio.current_task().cancel()

    async def main() -> str:
        await own_tracker.arun(make_hit())
        await asyncio.sleep(0)
        return "went on"

    assert asyncio.run(main()) == "went on"


def test_callback_has_a_task_of_its_own_and_the_context_of_the_request(own_tracker):
    tasks = []

    @own_tracker.register
    class Looking(TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            tasks.append(asyncio.current_task())

    async def main() -> None:
        await own_tracker.arun(make_hit())
        tasks.append(asyncio.current_task())

    asyncio.run(main())
    assert tasks[0] is not tasks[1]


# -- in the background ----------------------------------------------------------------


@every_way
@pytest.mark.parametrize("slow", [Slow, SlowAsync])
def test_engine_takes_callbacks_for_the_background_and_no_others(
    own_tracker, log, run: Run, slow
):
    for pixel in (slow, Sync, Async):
        own_tracker.register(pixel)
    engine = KeepingEngine()
    assert run(own_tracker, Hit(PIXEL, Request(), (), {}), engine=engine)
    assert get_names(log) == ["Sync", "Async"]
    assert len(engine.jobs) == 1


@pytest.mark.parametrize("slow", [Slow, SlowAsync])
def test_engine_does_not_block_the_event_loop(own_tracker, slow):
    own_tracker.register(slow)
    engine = KeepingEngine()
    run_async(own_tracker, Hit(PIXEL, Request(), (), {}), engine=engine)
    assert engine.threads != []
    assert threading.current_thread() not in engine.threads


@every_way
@pytest.mark.parametrize("slow", [Slow, SlowAsync])
def test_without_an_engine_callbacks_for_the_background_run_here(
    own_tracker, log, run: Run, slow
):
    own_tracker.register(slow)
    assert run(own_tracker)
    assert get_names(log) == [slow.__name__]


@every_way
@pytest.mark.parametrize("slow", [Slow, SlowAsync])
@pytest.mark.parametrize("error", [OSError(), asyncio.CancelledError()])
def test_hit_that_the_engine_refuses_runs_here_and_that_is_logged(
    own_tracker, log, run: Run, caplog, slow, error
):
    own_tracker.register(slow)
    own_tracker.register(Sync)
    engine = KeepingEngine(error)
    assert run(own_tracker, Hit(PIXEL, Request(), (), {}), engine=engine)
    assert get_names(log) == [slow.__name__, "Sync"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith(
        f"{slow.__name__}, which runs at once: {type(error).__name__}"
    )


class AnyThreadEngine(KeepingEngine):
    """An engine that needs no connection of Django's."""

    thread_sensitive = False


@pytest.mark.parametrize("engine", [KeepingEngine(), AnyThreadEngine()])
@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_only_an_engine_that_needs_it_is_called_in_the_thread_of_the_orm(
    own_tracker, engine, thread_sensitive
):
    """All sync code of a site under ASGI waits for that thread."""
    own_tracker.register(Slow)

    async def main() -> Any:
        hit = Hit(PIXEL, Request(), (), {})
        await own_tracker.arun(hit, engine, thread_sensitive=thread_sensitive)
        return await sync_to_async(threading.current_thread)()

    engine.threads.clear()
    sensitive = asyncio.run(main())
    expected = thread_sensitive and not isinstance(engine, AnyThreadEngine)
    assert [each is sensitive for each in engine.threads] == [expected]


@pytest.mark.parametrize("engine_class", [KeepingEngine, AnyThreadEngine])
@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_hit_that_is_refused_runs_where_it_would_without_an_engine(
    own_tracker, engine_class, thread_sensitive
):
    found = {}

    class Slow(TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found["sync"] = threading.current_thread()

    class AsyncSlow(TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found["async"] = threading.current_thread()

    for each in (Slow, AsyncSlow):
        own_tracker.register(each)

    async def main() -> Any:
        hit, engine = Hit(PIXEL, Request(), (), {}), engine_class(OSError())
        assert await own_tracker.arun(hit, engine, thread_sensitive=thread_sensitive)
        return await sync_to_async(threading.current_thread)()

    sensitive = asyncio.run(main())
    assert found["async"] is threading.current_thread()
    assert (found["sync"] is sensitive) is thread_sensitive
    assert found["sync"] is not found["async"]


def test_order_is_that_of_the_registration_even_if_the_engine_refuses(own_tracker):
    names = []

    def make(name: str, runs_behind: bool, is_async: bool) -> type:
        def record(self: Any, request: Any) -> None:
            names.append(name)

        async def arecord(self: Any, request: Any) -> None:
            names.append(name)

        members = {
            "background": runs_behind,
            "record": arecord if is_async else record,
        }
        return type(name, (TrackingPixel,), members)

    for number in range(16):
        own_tracker.register(make(f"N{number:02}", bool(number & 2), bool(number & 1)))
    hit = Hit(PIXEL, Request(), (), {})
    run_async(own_tracker, hit, engine=KeepingEngine(OSError()))
    assert names == sorted(names)
    assert len(names) == 16


def test_async_callback_runs_here_if_there_is_no_thread_to_hand_it_over(
    own_tracker, caplog, without_threads
):
    names = []

    @own_tracker.register
    class AsyncSlow(TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            names.append("AsyncSlow")

    hit = Hit(PIXEL, Request(), (), {})
    assert run_async(own_tracker, hit, engine=KeepingEngine(), thread_sensitive=False)
    assert names == ["AsyncSlow"]
    (message,) = caplog.messages
    assert message.endswith("AsyncSlow, which runs at once: RuntimeError")


@every_way
def test_way_out_of_the_process_is_passed_on_from_an_engine(own_tracker, run: Run):
    own_tracker.register(Slow)
    hit = Hit(PIXEL, Request(), (), {})

    def run_with_engine() -> None:
        run(own_tracker, hit, engine=KeepingEngine(KeyboardInterrupt()))

    expect_way_out(KeyboardInterrupt, run_with_engine)


def test_refused_hit_whose_callback_fails_has_failed(own_tracker):
    @own_tracker.register
    class Broken(Slow):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise LookupError

    hit = Hit(PIXEL, Request(), (), {})
    assert own_tracker.run(hit, KeepingEngine()) is True
    assert own_tracker.run(hit, KeepingEngine(OSError())) is False


# -- in a worker ----------------------------------------------------------------------


def test_worker_finds_a_callback_by_its_name_while_it_is_registered(own_tracker, log):
    @own_tracker.register
    class Known(Sync):
        pass

    name = f"{__name__}.{Known.__qualname__}"
    assert run_by_name(name, make_hit(1)) is True
    assert log == [("Known", "request", (1,), {})]
    own_tracker.unregister(Known)
    assert run_by_name(name, make_hit()) is None
    assert run_by_name("no.such", make_hit()) is None


def test_worker_finds_a_class_in_any_registry_that_still_has_it(own_tracker, log):
    other = Tracker("other")
    own_tracker.register(Slow)
    other.register(Slow)
    name = f"{__name__}.Slow"
    other.unregister(Slow)
    assert run_by_name(name, make_hit(1)) is True
    assert [args for _, _, args, _ in log] == [(1,)]


def test_worker_takes_the_class_of_the_latest_registry(own_tracker, log):
    """A module that is imported anew defines its classes anew."""
    older, newer = make_slow(), type("Newer", (Sync,), {"__module__": __name__})
    newer.__qualname__ = older.__qualname__
    own_tracker.register(older)
    Tracker("other").register(newer)
    run_by_name(f"{__name__}.{older.__qualname__}", make_hit())
    assert get_names(log) == ["Newer"]


@pytest.mark.parametrize("failing", [Failing, FailingAsync])
def test_failure_in_a_worker_is_logged_and_returned(own_tracker, caplog, failing):
    own_tracker.register(failing)
    name = f"{__name__}.{failing.__name__}"
    assert run_by_name(name, make_hit()) is False
    assert caplog.messages == [f"Callback {name} failed"]
