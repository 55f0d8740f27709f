"""The registry of callbacks, and how a hit runs them.

Sync and async differ in how a callback is called and in nothing else: all run, in the
order of registration, and a failing one costs a log record.
"""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any, Literal, NamedTuple, TypeVar

from ptrack.exceptions import PtrackRegistrationError

from . import kinds
from .concurrency import absorb_cancellation, run_apart, run_in_thread, run_to_end
from .counters import Counters, Reason, count
from .engines import Engine, hand_over, is_thread_sensitive, note_refusal
from .hits import Hit
from .kinds import PIXEL, Callback, Kind
from .logs import is_way_out, log_failure, read_trace

Registered = TypeVar("Registered", bound=type[Callback])

Within = Callable[[], AbstractContextManager[Any]]
"""Makes the context manager that one sync callback runs in."""


class Runner(NamedTuple):
    """A registered class, with everything about it that a hit needs.

    Attributes:
        name: The module and name of the class.
        record: The method of its instance.
        is_async: Whether that is ``async def``.
        background: Whether a worker has to run it.
    """

    name: str
    record: Callable[..., Any]
    is_async: bool
    background: bool


Runners = tuple[Runner, ...]

Place = Literal["engine", "loop", "thread"]
"""The place where an event loop leaves a callback to, or runs it."""

Groups = tuple[tuple[Place, Runners], ...]
"""Groups of callbacks, for an event loop, with the place of each."""

# All registries that have had a callback, for workers: a job has only a name.
_registries: "list[Tracker]" = []


class Tracker:
    """A registry of callbacks.

    Args:
        name: Its name in messages.
    """

    def __init__(self, name: str = "ptrack") -> None:
        self.name = name
        self._registry: dict[type, Runner] = {}
        # Replaced, never changed: a hit in another thread iterates over the old one.
        self._runners: dict[Kind, Runners] = {}
        self._groups: dict[tuple[Kind, bool], Groups] = {}
        self._lock = threading.Lock()
        self._counters: Counters | None = None
        self._replace({})

    @property
    def counters(self) -> Counters | None:
        """Counts hits, ignored requests and failed callbacks; ``None`` for no counting.

        Raises:
            PtrackRegistrationError: The assigned value can't count.
        """
        return self._counters

    @counters.setter
    def counters(self, counters: Counters | None) -> None:
        if not isinstance(counters, Counters | None):
            raise PtrackRegistrationError(
                f"{_format_name(counters)} can't count: assign an instance of a "
                "subclass of ptrack.Counters"
            )
        self._counters = counters

    # -- registering ------------------------------------------------------------------

    def register(self, callback: Registered) -> Registered:
        """Make an instance of the class, and run its ``record`` at every hit.

        Args:
            callback: A subclass of `TrackingPixel` or `TrackingLink` that takes no
                arguments.

        Returns:
            The class, so that this works as a decorator.

        Raises:
            PtrackRegistrationError: It isn't such a class, or is registered already.
        """
        runner = _make_runner(callback)
        with self._lock:
            if callback in self._registry:
                raise PtrackRegistrationError(
                    f"{runner.name} is already registered with {self.name}"
                )
            if runner.background and self.find(runner.name) is not None:
                raise PtrackRegistrationError(
                    f"Another class named {runner.name} is already registered with "
                    f"{self.name}, and a worker finds classes by their names"
                )
            self._replace({**self._registry, callback: runner})
            if self not in _registries:
                _registries.append(self)
        return callback

    def unregister(self, callback: type[Callback]) -> None:
        """Stop running the class's ``record``.

        Args:
            callback: A registered class.

        Raises:
            PtrackRegistrationError: It isn't registered.
        """
        with self._lock:
            if callback not in self._registry:
                raise PtrackRegistrationError(
                    f"{_format_name(callback)} is not registered with {self.name}"
                )
            rest = dict(self._registry)
            del rest[callback]
            self._replace(rest)

    def _replace(self, registry: dict[type, Runner]) -> None:
        self._registry = registry
        self._runners = {
            kind: tuple(
                runner
                for callback, runner in registry.items()
                if issubclass(callback, kind.callback)
            )
            for kind in kinds.KINDS
        }
        self._groups = {
            (kind, has_engine): _group(runners, has_engine)
            for kind, runners in self._runners.items()
            for has_engine in (True, False)
        }

    @property
    def callbacks(self) -> tuple[type, ...]:
        """The registered classes, in the order of their registration."""
        return tuple(self._registry)

    def runs(self, *callbacks: type[Callback]) -> bool:
        """Return whether one of these classes, or a subclass of one, is registered."""
        return any(issubclass(each, callbacks) for each in self._registry)

    @property
    def in_background(self) -> list[str]:
        """The names of the callbacks that have to run in the background."""
        return [each.name for each in self._registry.values() if each.background]

    def find(self, name: str) -> Runner | None:
        """Return the callback of a name, as a job has it."""
        return next((x for x in self._registry.values() if x.name == name), None)

    # -- running ----------------------------------------------------------------------

    def run(
        self, hit: Hit, engine: Engine | None = None, within: Within | None = None
    ) -> bool:
        """Run the callbacks of a hit, async ones in an event loop of their own.

        After that the hit has no request, unless a callback has asked for the hit.

        Args:
            hit: The hit.
            engine: Takes the callbacks that run in the background; without one they
                run here.
            within: Makes the context manager that each sync callback runs in.

        Returns:
            Whether all of them succeeded; one that the engine took counts as a success.
        """
        if self._counters is not None:
            self._count(self._counters, hit.kind)
        try:
            return self._run_all(self._runners.get(hit.kind, ()), hit, engine, within)
        finally:
            hit.release()

    async def arun(
        self,
        hit: Hit,
        engine: Engine | None = None,
        *,
        thread_sensitive: bool = True,
    ) -> bool:
        """Run the callbacks of a hit to their end, even if the request is cancelled.

        Args:
            hit: The hit.
            engine: As for `run`.
            thread_sensitive: Run sync callbacks in the thread that Django's ORM is
                bound to; else in any of ptrack's own threads.

        Returns:
            As `run` does.
        """
        if self._counters is not None:
            self._count(self._counters, hit.kind)
        try:
            if not self._runners.get(hit.kind, ()):
                return True
            return await run_to_end(self._arun_all(hit, engine, thread_sensitive))
        finally:
            hit.release()

    def _count(self, counters: Counters, kind: Kind) -> None:
        count(counters.hit, kind.counter)
        if not self._runners.get(kind):
            count(counters.unheard, kind.counter)

    def call_callbacks(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Run the callbacks of pixels, with the signature of django-ptrack 3.0.0."""
        self.run(Hit(PIXEL, request, args, kwargs))

    def ignore(self, reason: Reason) -> None:
        """Count a request that wasn't a hit."""
        if self._counters is not None:
            count(self._counters.ignored, reason)

    def _run_all(
        self,
        runners: Iterable[Runner],
        hit: Hit,
        engine: Engine | None = None,
        within: Within | None = None,
    ) -> bool:
        """Run callbacks one after the other; return whether all succeeded."""
        succeeded = True
        arguments = hit.arguments
        for runner in runners:
            if (
                engine is not None
                and runner.background
                and hand_over(runner.name, hit, engine, self._counters)
            ):
                continue
            try:
                if within is None or runner.is_async:
                    result = runner.record(*arguments, **hit.kwargs)
                else:
                    with within():
                        result = runner.record(*arguments, **hit.kwargs)
                # A sync one too: a decorator can hide that it is async.
                if result is not None and inspect.isawaitable(result):
                    succeeded &= self._await(runner, result)
            except BaseException as error:
                if is_way_out(error):
                    raise
                self._report(runner, error)
                succeeded = False
        return succeeded

    def _await(self, runner: Runner, result: Awaitable[Any]) -> bool:
        """Wait for an async callback; return whether it succeeded."""
        # Only where a callback is async: slow to import outside Django.
        from asgiref.sync import async_to_sync

        error = async_to_sync(_catch)(lambda: result)
        if error is not None:
            self._report(runner, error)
        return error is None

    def run_by_name(self, name: str, hit: Hit) -> bool | None:
        """Run one callback, in a worker, as the function `run_by_name` does."""
        runner = self.find(name)
        return None if runner is None else self._run_all((runner,), hit)

    async def _arun_all(
        self, hit: Hit, engine: Engine | None, thread_sensitive: bool
    ) -> bool:
        succeeded = True
        for place, group in self._groups.get((hit.kind, engine is not None), ()):
            groups: Groups = ((place, group),)
            if engine is not None and place == "engine":
                left = await self._ahand_over(group, hit, engine, thread_sensitive)
                groups = _group(left, has_engine=False)
            for own_place, runners in groups:
                succeeded &= (
                    await self._arun_in_thread(runners, hit, thread_sensitive)
                    if own_place == "thread"
                    else await self._arun_here(runners, hit)
                )
        return succeeded

    async def _ahand_over(
        self, runners: Runners, hit: Hit, engine: Engine, thread_sensitive: bool
    ) -> Runners:
        """Hand a hit over in a thread; return the callbacks that have to run here."""

        def hand_over_all() -> Runners:
            return tuple(
                runner
                for runner in runners
                if not hand_over(runner.name, hit, engine, self._counters)
            )

        try:
            return await run_in_thread(
                thread_sensitive and is_thread_sensitive(engine), hand_over_all
            )
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            # In its thread, that was a way out; or Python closes this coroutine.
            raise
        except BaseException as error:
            # No thread could be started.
            for runner in runners:
                note_refusal(runner.name, error, self._counters)
            return runners

    async def _arun_here(self, runners: Runners, hit: Hit) -> bool:
        """Run async callbacks in the event loop; return whether all succeeded."""
        succeeded = True
        for runner in runners:
            call = _catch(runner.record, *hit.arguments, **hit.kwargs)
            try:
                error = await run_apart(call)
            except asyncio.CancelledError as cancelled:
                # Before it began.
                error = cancelled
            if error is not None:
                self._report(runner, error)
                succeeded = False
        return succeeded

    async def _arun_in_thread(
        self, runners: Runners, hit: Hit, thread_sensitive: bool
    ) -> bool:
        try:
            return await run_in_thread(thread_sensitive, self._run_all, runners, hit)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            # In its thread, that was a way out; or Python closes this coroutine.
            raise
        except BaseException as error:
            # No thread could be started. All frames hold the content of the token.
            for runner in runners:
                self._report(runner, error.with_traceback(None))
            return False

    def _report(self, runner: Runner, error: BaseException) -> None:
        # The first frames are ours and hold the content of the token, and error
        # trackers send the variables of frames.
        trace = read_trace(error)
        while trace and trace.tb_frame.f_globals.get("__name__") == __name__:
            trace = trace.tb_next
        # As the base class has it: a class of the site's may have another.
        BaseException.with_traceback(error, trace)
        log_failure(error, "Callback %s failed", runner.name)
        if self._counters is not None:
            count(self._counters.failed, runner.name)


def _group(runners: Runners, has_engine: bool) -> Groups:
    """Return the callbacks in groups, each with the place that all of it runs at."""

    def find_place(runner: Runner) -> Place:
        if has_engine and runner.background:
            return "engine"
        return "loop" if runner.is_async else "thread"

    return tuple((key, tuple(group)) for key, group in groupby(runners, find_place))


def run_by_name(name: str, hit: Hit) -> bool | None:
    """Run one callback, in a worker, from the latest registry that has it.

    Args:
        name: Its module and name.
        hit: The hit.

    Returns:
        Whether it succeeded; ``None`` if no registry has it.
    """
    # The latest first: a class that is defined anew replaces the older one.
    for registry in reversed(_registries):
        succeeded = registry.run_by_name(name, hit)
        if succeeded is not None:
            return succeeded
    return None


def _make_runner(callback: Any) -> Runner:
    """Check a class, and make an instance of it.

    Raises:
        PtrackRegistrationError: It can't be registered.
    """
    name = _format_name(callback)
    bases = [kind.callback_name for kind in kinds.KINDS]
    if not inspect.isclass(callback):
        raise PtrackRegistrationError(
            f"{name} is not a class: register a subclass of {' or '.join(bases)}"
        )
    if sum(issubclass(callback, kind.callback) for kind in kinds.KINDS) != 1:
        raise PtrackRegistrationError(
            f"{name} does not inherit from exactly one of {', '.join(bases)}"
        )
    if inspect.isabstract(callback):
        missing = ", ".join(sorted(vars(callback)["__abstractmethods__"]))
        raise PtrackRegistrationError(f"{name} is abstract: define {missing}")
    try:
        instance: Any = callback()
    except Exception as error:
        raise PtrackRegistrationError(
            f"{name} can't be instantiated without arguments: {error}"
        ) from error
    record = instance.record
    return Runner(
        name, record, inspect.iscoroutinefunction(record), bool(instance.background)
    )


def _format_name(thing: object) -> str:
    if inspect.isclass(thing):
        return f"{thing.__module__}.{thing.__qualname__}"
    return repr(thing)


async def _catch(
    record: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
) -> BaseException | None:
    """Call an async callback; return the exception that is its failure.

    Returned, not raised: for a `SystemExit`, asyncio would end its loop.
    """
    failure = None
    try:
        await record(*args, **kwargs)
    except BaseException as error:
        if is_way_out(error):
            raise
        if issubclass(type(error), GeneratorExit):
            # Python may close this coroutine, which can't wait any more then.
            return error
        failure = error
    # A callback may cancel its own task and return all the same.
    await absorb_cancellation()
    return failure


tracker = Tracker()
"""The registry that every adapter uses unless it is given another."""
