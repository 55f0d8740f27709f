"""The callbacks: what may be registered, and how a hit runs them.

Sync and async differ in how a callback is run and in nothing else: all run, in the
order of registration, and one that fails costs a log record.
"""

import abc
import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from .exceptions import PtrackRegistrationError
from .tracebacks import EscapedTracebacks

logger = logging.getLogger("ptrack")
logger.addFilter(EscapedTracebacks())


class TrackingPixel(abc.ABC):
    """Base class of a callback: subclass it, define `record`, register the class."""

    @abc.abstractmethod
    def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Do what is to be done when the pixel was loaded; may be ``async def``.

        Args:
            request: What loaded it: Django's ``HttpRequest``, or a ``webob.Request``
                with ``META`` around a WSGI app.
            args: The positional arguments that the pixel was made with.
            kwargs: Its keyword arguments.

        Whatever it raises is logged, and whatever it returns is ignored.
        """


Registered = TypeVar("Registered", bound=type[TrackingPixel])


class _Callback(NamedTuple):
    """A registered class, with what a hit would else find out again."""

    name: str
    record: Callable[..., Any]
    is_async: bool


class Tracker:
    """A registry of tracking pixels.

    Args:
        name: What to call it in messages.
    """

    def __init__(self, name: str = "ptrack") -> None:
        self.name = name
        # Replaced, never changed: a hit in another thread walks the one it found.
        self._registry: dict[type[TrackingPixel], _Callback] = {}
        self._lock = threading.Lock()

    def register(self, pixel: Registered) -> Registered:
        """Make an instance of the class and run its ``record`` at every hit.

        Args:
            pixel: A subclass of `TrackingPixel`, that takes no arguments.

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
            self._registry = {**self._registry, pixel: callback}
        return pixel

    def unregister(self, pixel: type[TrackingPixel]) -> None:
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
            self._registry = {
                each: callback
                for each, callback in self._registry.items()
                if each is not pixel
            }

    def record(
        self, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Run all callbacks, async ones in an event loop of their own.

        Args:
            request: Given to each as its first argument.
            args: Its further positional arguments.
            kwargs: Its keyword arguments.
        """
        for callback in self._registry.values():
            _run(callback, request, args, kwargs)

    async def arecord(
        self, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Run all callbacks from an event loop: see `record`.

        Sync ones run as Django runs sync code under async, in the thread that its ORM
        is bound to. A client that goes away meanwhile cancels the request but not
        its recording.
        """
        if not self._registry:
            return
        recording = asyncio.ensure_future(self._arecord(request, args, kwargs))
        try:
            await asyncio.shield(recording)
        except asyncio.CancelledError:
            # Stay until it is done: the server tears down the request's thread next.
            await asyncio.wait([recording])
            raise

    async def _arecord(
        self, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> None:
        from asgiref.sync import sync_to_async

        callbacks = self._registry.values()
        for is_async, some in groupby(callbacks, lambda each: each.is_async):
            if is_async:
                for callback in some:
                    await _arun(callback, request, args, kwargs)
            else:
                # One change of thread for as many sync callbacks as follow each other.
                await sync_to_async(_run_all, thread_sensitive=True)(
                    tuple(some), request, args, kwargs
                )

    def call_callbacks(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Run all callbacks, by the signature of django-ptrack 3.0.0: see `record`."""
        self.record(request, args, kwargs)


def _name(pixel: object) -> str:
    if inspect.isclass(pixel):
        return f"{pixel.__module__}.{pixel.__qualname__}"
    return repr(pixel)


def _callback(pixel: Any) -> _Callback:
    name = _name(pixel)
    if not inspect.isclass(pixel):
        raise PtrackRegistrationError(
            f"{name} is not a class: register a subclass of ptrack.TrackingPixel"
        )
    if not issubclass(pixel, TrackingPixel):
        raise PtrackRegistrationError(
            f"{name} does not inherit from ptrack.TrackingPixel"
        )
    if inspect.isabstract(pixel):
        missing = ", ".join(sorted(pixel.__abstractmethods__))
        raise PtrackRegistrationError(f"{name} is abstract: define {missing}")
    try:
        record = pixel().record
    except Exception as error:
        raise PtrackRegistrationError(
            f"{name} can't be instantiated without arguments: {error}"
        ) from error
    return _Callback(name, record, inspect.iscoroutinefunction(record))


def _run_all(callbacks: Iterable[_Callback], *hit: Any) -> None:
    for callback in callbacks:
        _run(callback, *hit)


def _run(
    callback: _Callback, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> None:
    try:
        result = callback.record(request, *args, **kwargs)
        # Also of a sync record: a decorator can hide that it is async underneath.
        if result is not None and inspect.isawaitable(result):
            _wait_for(result)
    except (Exception, asyncio.CancelledError) as error:
        _log_failure(callback, error)


async def _arun(
    callback: _Callback, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> None:
    try:
        await callback.record(request, *args, **kwargs)
    except (Exception, asyncio.CancelledError) as error:
        _log_failure(callback, error)


def _wait_for(result: Awaitable[Any]) -> None:
    from asgiref.sync import async_to_sync

    async def awaited() -> None:
        await result

    async_to_sync(awaited)()


def _log_failure(callback: _Callback, error: BaseException) -> None:
    logger.error("Tracking pixel %s failed", callback.name, exc_info=error)


tracker = Tracker()
"""The registry that every adapter uses unless it is given another."""
