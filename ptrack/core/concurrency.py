"""Ways to run callbacks from an event loop, to their end."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

Result = TypeVar("Result")

THREADS = 32
"""The threads of ptrack's own in a process, at most.

They are apart from the event loop's own pool: if all of them wait for a slow broker,
the app's ``asyncio.to_thread`` doesn't.
"""


@cache
def _make_pool() -> ThreadPoolExecutor:
    # It starts a thread when it needs one more, and ends them with the process.
    return ThreadPoolExecutor(THREADS, thread_name_prefix="ptrack")


# A fork has the pool without its threads. Windows has no forks.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_make_pool.cache_clear)


def _start(coroutine: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Start a task.

    From Python 3.12 on it begins at once, and may end without a turn of the loop.
    """
    if sys.version_info >= (3, 12):
        loop = asyncio.get_running_loop()
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    return asyncio.create_task(coroutine)


async def _wait_for(task: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Wait until a task is done; return the last cancellation of the waiting, if any.

    The waiting may be cancelled often: a cancelled scope of anyio cancels it at every
    turn of the loop.
    """
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:
            if not task.done():
                # Python closes this coroutine: its loop has ended, for example.
                raise
    return cancelled


async def run_to_end(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run work from an event loop to completion, even if the request is cancelled.

    The work has a task of its own, so that timeouts and task groups in it concern it
    alone. When the event loop itself ends, the work is cancelled like any task.

    Args:
        coroutine: The work.

    Raises:
        asyncio.CancelledError: The request was cancelled. The work is done all the
            same.
    """
    task = _start(coroutine)
    # Even if this is cancelled: the server ends the request's thread next.
    cancelled = None if task.done() else await _wait_for(task)
    if cancelled is not None:
        raise cancelled
    return task.result()


async def run_apart(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a part of such work in a task of its own, and wait for its end.

    So a cancellation that the part leaves behind, even for later, meets no other part.
    A cancellation of the waiting is dropped.

    Args:
        coroutine: The part.

    Raises:
        asyncio.CancelledError: It was cancelled.
    """
    task = _start(coroutine)
    await _wait_for(task)
    return task.result()


async def absorb_cancellation() -> None:
    """Let a cancellation that hasn't reached the current task yet reach it here."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)


async def run_in_thread(
    sensitive: bool, function: Callable[..., Result], *args: Any
) -> Result:
    """Call a function outside the event loop's thread, and wait for its end.

    A cancellation meanwhile is dropped.

    Args:
        sensitive: Use the one thread that Django's ORM is bound to; else any of
            ptrack's own `THREADS`.
        function: The function.
        args: Its arguments.

    Raises:
        RuntimeError: There is no thread for it.
    """
    done: asyncio.Future[Result]
    if sensitive:
        # Outside Django this isn't needed, and would be slow to import.
        from asgiref.sync import sync_to_async

        # In a task of its own: a coroutine that is cancelled before it began never
        # begins.
        done = _start(sync_to_async(function, thread_sensitive=True)(*args))
    else:
        # With the context variables of the request, as `asyncio.to_thread` does.
        call = partial(copy_context().run, function, *args)
        done = asyncio.get_running_loop().run_in_executor(_make_pool(), call)
    await _wait_for(done)
    return done.result()


@cache
def _make_variable() -> Any:
    trio: Any = import_module("trio")
    return trio.lowlevel.RunVar("ptrack")


def _find_limiter() -> Any:
    """Return what limits ptrack's threads in this run of trio; trio's is the app's."""
    trio: Any = import_module("trio")
    variable = _make_variable()
    try:
        return variable.get()
    except LookupError:
        limiter = trio.CapacityLimiter(THREADS)
        variable.set(limiter)
        return limiter


async def run_outside_asyncio(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function in a thread of trio's, and wait for its end.

    Args:
        function: The function.
        args: Its arguments.
    """
    trio: Any = import_module("trio")
    with trio.CancelScope(shield=True):
        found: Result = await trio.to_thread.run_sync(
            function, *args, limiter=_find_limiter()
        )
    return found
