"""The callbacks: what may be registered, and how a hit runs them.

Sync and async differ in how a callback is run and in nothing else: all run, in the
order of registration, and one that fails costs a log record.
"""

import abc
import asyncio
import inspect
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar

from ptrack.background.handover import Engine, Handover
from ptrack.exceptions import PtrackRegistrationError

from .concurrency import in_thread, start, uncancelled
from .counters import Counters, Reason, count
from .logs import EscapedTracebacks

logger = logging.getLogger("ptrack")
logger.addFilter(EscapedTracebacks())


class TrackingPixel(abc.ABC):
    """Base class of a callback: subclass it, define `record`, register the class.

    Attributes:
        background: Leave `record` to a worker, if ``PTRACK_BACKGROUND`` says whose;
            else it runs in the request like any other.
    """

    background: bool = False

    @abc.abstractmethod
    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Do what is to be done when the pixel was loaded; may be ``async def``.

        Args:
            request: What loaded it: Django's ``HttpRequest``, or a ``webob.Request``
                with ``META`` where Django makes none, and in a worker.
            args: The positional arguments that the pixel was made with.
            kwargs: Its keyword arguments.

        Whatever it raises is logged, and whatever it returns is ignored.
        """


class TrackingLink(abc.ABC):
    """Base class of a callback for clicks on links: the same rules as for pixels.

    Attributes:
        background: As for `TrackingPixel`.
    """

    background: bool = False

    @abc.abstractmethod
    def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> Any:
        """Do what is to be done when the link was followed; may be ``async def``.

        Args:
            request: What followed it, as for `TrackingPixel.record`.
            url: The target, as it was given.
            args: The positional arguments that the link was made with.
            kwargs: Its keyword arguments.

        Whatever it raises is logged, and whatever it returns is ignored.
        """


Registered = TypeVar("Registered", bound=type[TrackingPixel] | type[TrackingLink])


class _Callback(NamedTuple):
    """A registered class, with what a hit would else find out again."""

    name: str
    record: Callable[..., Any]
    is_async: bool
    background: bool


_Callbacks = tuple[_Callback, ...]

# What a callback runs in, made anew for each.
Within = Callable[[], AbstractContextManager[Any]]

# What callbacks get: the request, positional and keyword arguments.
_Hit = tuple[Any, Iterable[Any], Mapping[str, Any]]

# Where a worker looks for what a job names: first in the registry that took it last.
_latest: "weakref.WeakValueDictionary[str, Tracker]" = weakref.WeakValueDictionary()
_registries: "weakref.WeakSet[Tracker]" = weakref.WeakSet()

# What is meant for the process, or for a generator. All else is the callback's failure,
# also what is no `Exception`, as the panics of libraries in Rust and cancellations are.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)

# The modules that call a callback.
_OURS = (__name__, Handover.__module__)


class Tracker:
    """A registry of tracking pixels.

    Args:
        name: What to call it in messages.
    """

    def __init__(self, name: str = "ptrack") -> None:
        self.name = name
        self._registry: dict[type, _Callback] = {}
        # Replaced, never changed: a hit in another thread walks the one it found.
        self._pixels: _Callbacks = ()
        self._links: _Callbacks = ()
        self._lock = threading.Lock()
        self._counters: Counters | None = None
        _registries.add(self)

    @property
    def counters(self) -> Counters | None:
        """What counts hits, ignored requests and failed callbacks; ``None`` if nothing.

        Raises:
            PtrackRegistrationError: What is assigned is no instance of `Counters`.
        """
        return self._counters

    @counters.setter
    def counters(self, counters: Counters | None) -> None:
        if not isinstance(counters, Counters | None):
            raise PtrackRegistrationError(
                f"{_name(counters)} can't count: assign an instance of a subclass of "
                "ptrack.Counters"
            )
        self._counters = counters

    def register(self, pixel: Registered) -> Registered:
        """Make an instance of the class and run its ``record`` at every hit.

        Args:
            pixel: A subclass of `TrackingPixel` or `TrackingLink`, that takes no
                arguments.

        Returns:
            The class, so that this works as a decorator.

        Raises:
            PtrackRegistrationError: It is something else, or is registered already.
        """
        callback = _callback(pixel)
        with self._lock:
            if pixel in self._registry:
                raise PtrackRegistrationError(
                    f"{callback.name} is already registered with {self.name}"
                )
            if callback.background and self._called(callback.name) is not None:
                raise PtrackRegistrationError(
                    f"Another class named {callback.name} is already registered with "
                    f"{self.name}, and a worker finds classes by their names"
                )
            self._keep({**self._registry, pixel: callback})
            if callback.background:
                _latest[callback.name] = self
        return pixel

    def unregister(self, pixel: type[TrackingPixel] | type[TrackingLink]) -> None:
        """Stop running the class's ``record``.

        Args:
            pixel: A class that was registered.

        Raises:
            PtrackRegistrationError: It isn't registered.
        """
        with self._lock:
            if pixel not in self._registry:
                raise PtrackRegistrationError(
                    f"{_name(pixel)} is not registered with {self.name}"
                )
            kept = dict(self._registry)
            del kept[pixel]
            self._keep(kept)

    def runs(self, *kinds: type[TrackingPixel] | type[TrackingLink]) -> bool:
        """Tell whether one of these classes, or one derived from it, is registered."""
        return any(issubclass(pixel, kinds) for pixel in self._registry)

    def _keep(self, registry: dict[type, _Callback]) -> None:
        self._registry = registry
        self._pixels = _those_of(TrackingPixel, registry)
        self._links = _those_of(TrackingLink, registry)

    @property
    def in_background(self) -> list[str]:
        """The names of the callbacks that are to run in the background."""
        return [each.name for each in self._registry.values() if each.background]

    def record(
        self,
        request: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        engine: Engine | None = None,
        within: Within | None = None,
    ) -> None:
        """Run the callbacks of pixels, async ones in an event loop of their own.

        Args:
            request: Given to each as its first argument.
            args: Its further positional arguments.
            kwargs: Its keyword arguments.
            engine: Takes those that are to run in the background; if ``None``, they
                run here.
            within: Gives what each sync one is to run in, here.
        """
        if self._counters is not None:
            count(self._counters.hit)
        callbacks = self._pixels
        if within is not None:
            callbacks = _each_within(within, callbacks)
        if engine is not None:
            callbacks = self._handed_over(callbacks, engine)
        self._run_all(callbacks, request, args, kwargs)

    def begin(
        self,
        request: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        engine: Engine | None = None,
        *,
        thread_sensitive: bool = True,
    ) -> "asyncio.Task[None] | None":
        """Start running the callbacks of pixels from an event loop: see `record`.

        A client that goes away meanwhile cancels the request but not its recording.

        Args:
            request: As for `record`.
            args: As for `record`.
            kwargs: As for `record`.
            engine: As for `record`.
            thread_sensitive: Sync callbacks run as Django runs sync code under async,
                in the thread that its ORM is bound to; else in any of a pool, those of
                several requests at a time.

        Returns:
            What `ptrack.core.concurrency.ended` is to wait for; ``None`` if they have run.
        """
        if self._counters is not None:
            count(self._counters.hit)
        hit = (request, args, kwargs)
        return self._started(self._pixels, engine, thread_sensitive, hit)

    def record_click(
        self,
        request: Any,
        url: str,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        engine: Engine | None = None,
        within: Within | None = None,
    ) -> None:
        """Run the callbacks of links: see `record`.

        Args:
            request: Given to each as its first argument.
            url: Given as the second: the target.
            args: Its further positional arguments.
            kwargs: Its keyword arguments.
            engine: See `record`.
            within: See `record`.
        """
        if self._counters is not None:
            count(self._counters.click)
        callbacks = self._links
        if within is not None:
            callbacks = _each_within(within, callbacks)
        if engine is not None:
            callbacks = self._handed_over(callbacks, engine)
        self._run_all(callbacks, request, (url, *args), kwargs)

    def begin_click(
        self,
        request: Any,
        url: str,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        engine: Engine | None = None,
        *,
        thread_sensitive: bool = True,
    ) -> "asyncio.Task[None] | None":
        """Start running the callbacks of links from an event loop: see `begin`."""
        if self._counters is not None:
            count(self._counters.click)
        hit = (request, (url, *args), kwargs)
        return self._started(self._links, engine, thread_sensitive, hit)

    def _started(
        self,
        callbacks: _Callbacks,
        engine: Engine | None,
        thread_sensitive: bool,
        hit: _Hit,
    ) -> "asyncio.Task[None] | None":
        if engine is not None:
            callbacks = self._handed_over(callbacks, engine)
        if not callbacks:
            return None
        return start(self._arun_each(thread_sensitive, callbacks, hit))

    def _handed_over(self, callbacks: _Callbacks, engine: Engine) -> _Callbacks:
        """Give the callbacks, those that are to run in the background by the engine."""
        return tuple(
            each._replace(
                # Sync: what speaks to a broker would block an event loop.
                is_async=False,
                record=Handover(each.name, each.record, engine, self._counters),
            )
            if each.background
            else each
            for each in callbacks
        )

    def _called(self, name: str) -> _Callback | None:
        return next((x for x in self._registry.values() if x.name == name), None)

    def perform(
        self, name: str, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> bool | None:
        """Run one callback, in a worker.

        Args:
            name: Its module and name.
            request: Given to it as its first argument.
            args: Its further positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            Whether it did what it is to do; if not, that is logged. ``None`` if there
            is none of that name.
        """
        callback = self._called(name)
        if callback is None:
            return None
        return self._run_all((callback,), request, args, kwargs)

    async def _arun_each(
        self,
        thread_sensitive: bool,
        callbacks: _Callbacks,
        hit: _Hit,
    ) -> None:
        blocking: list[_Callback] = []
        request, args, kwargs = hit
        for callback in callbacks:
            if not callback.is_async:
                blocking.append(callback)
                continue
            if blocking:
                # One change of thread for as many as follow each other.
                await self._arun_blocking(thread_sensitive, blocking, hit)
                blocking = []
            if callback is not callbacks[0]:
                # What the last one has left behind isn't this one's.
                await uncancelled()
            try:
                await callback.record(request, *args, **kwargs)
            except _ENDS:
                raise
            except BaseException as error:
                self._failed(callback, error)
        if blocking:
            await self._arun_blocking(thread_sensitive, blocking, hit)

    async def _arun_blocking(
        self, thread_sensitive: bool, callbacks: Iterable[_Callback], hit: _Hit
    ) -> None:
        try:
            await in_thread(thread_sensitive, self._run_all, callbacks, *hit)
        except _ENDS:
            raise
        except BaseException as error:
            # There is no thread. All frames hold what the pixel carries.
            for callback in callbacks:
                self._failed(callback, error.with_traceback(None))

    def ignored(self, reason: Reason) -> None:
        """Count a request that was no hit, if anybody counts."""
        if self._counters is not None:
            count(self._counters.ignored, reason)

    def call_callbacks(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Run all callbacks, by the signature of django-ptrack 3.0.0: see `record`."""
        self.record(request, args, kwargs)

    def _run_all(
        self,
        callbacks: Iterable[_Callback],
        request: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
    ) -> bool:
        """Run callbacks, each whatever the others do; tell whether all did it."""
        succeeded = True
        for callback in callbacks:
            try:
                result = callback.record(request, *args, **kwargs)
                # Also of a sync one: a decorator can hide that it is async underneath.
                if result is not None and inspect.isawaitable(result):
                    _wait_for(result)
            except _ENDS:
                raise
            except BaseException as error:
                self._failed(callback, error)
                succeeded = False
        return succeeded

    def _failed(self, callback: _Callback, error: BaseException) -> None:
        # Without our own frames, the first, which hold what the pixel carries: error
        # trackers send along what frames hold.
        trace = error.__traceback__
        while trace and trace.tb_frame.f_globals.get("__name__") in _OURS:
            trace = trace.tb_next
        error = error.with_traceback(trace)
        logger.error("Tracking pixel %s failed", callback.name, exc_info=error)
        if self._counters is not None:
            count(self._counters.failed, callback.name)


def _name(pixel: object) -> str:
    if inspect.isclass(pixel):
        return f"{pixel.__module__}.{pixel.__qualname__}"
    return repr(pixel)


def _callback(pixel: Any) -> _Callback:
    name = _name(pixel)
    if not inspect.isclass(pixel):
        raise PtrackRegistrationError(
            f"{name} is not a class: register a subclass of ptrack.TrackingPixel or "
            "ptrack.TrackingLink"
        )
    kinds = [kind for kind in (TrackingPixel, TrackingLink) if issubclass(pixel, kind)]
    if len(kinds) != 1:
        raise PtrackRegistrationError(
            f"{name} does not inherit from one of ptrack.TrackingPixel and "
            "ptrack.TrackingLink"
        )
    if inspect.isabstract(pixel):
        missing = ", ".join(sorted(vars(pixel)["__abstractmethods__"]))
        raise PtrackRegistrationError(f"{name} is abstract: define {missing}")
    try:
        instance: Any = pixel()
    except Exception as error:
        raise PtrackRegistrationError(
            f"{name} can't be instantiated without arguments: {error}"
        ) from error
    record = instance.record
    return _Callback(
        name, record, inspect.iscoroutinefunction(record), bool(instance.background)
    )


def _those_of(kind: type[Any], registry: Mapping[type, _Callback]) -> _Callbacks:
    return tuple(
        callback for pixel, callback in registry.items() if issubclass(pixel, kind)
    )


def _each_within(within: Within, callbacks: _Callbacks) -> _Callbacks:
    def put(record: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(request: Any, /, *args: Any, **kwargs: Any) -> Any:
            with within():
                return record(request, *args, **kwargs)

        return recorded

    return tuple(
        each if each.is_async else each._replace(record=put(each.record))
        for each in callbacks
    )


def perform(
    name: str, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> bool | None:
    """Run one callback of whatever registry has it: see `Tracker.perform`."""
    registries = filter(None, (_latest.get(name), *list(_registries)))
    for registry in registries:
        done = registry.perform(name, request, args, kwargs)
        if done is not None:
            return done
    return None


def _wait_for(result: Awaitable[Any]) -> None:
    from asgiref.sync import async_to_sync

    async def awaited() -> None:
        await result

    async_to_sync(awaited)()


tracker = Tracker()
"""The registry that every adapter uses unless it is given another."""
