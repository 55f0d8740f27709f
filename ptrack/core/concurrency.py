"""Running from an event loop what is to be run to its end, whoever stops waiting."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["ended", "in_thread", "outside_asyncio", "start", "uncancelled"]

Result = TypeVar("Result")

if sys.version_info >= (3, 12):

    def start(coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
        """Run a coroutine in a task of its own, at once.

        What it does with the current task, as timeouts and task groups do, concerns
        that task alone.

        Args:
            coroutine: What to run. It handles its errors.

        Returns:
            What `ended` is to wait for; ``None`` if it has ended already.
        """
        # The loop's own method can do so only from Python 3.14 on.
        loop = asyncio.get_running_loop()
        task = asyncio.Task(coroutine, loop=loop, eager_start=True)
        return None if task.done() else task

else:
    from .eager import start


async def ended(task: "asyncio.Task[None]") -> None:
    """Wait until a task has ended, even if this is cancelled meanwhile.

    Args:
        task: What `start` gave.

    Raises:
        asyncio.CancelledError: This was cancelled; the task has ended all the same.
    """
    # When a loop ends, all tasks that it knows of are cancelled. Without this one that
    # is only who waits here, and who cancels waits for that in turn.
    asyncio.tasks._unregister_task(task)
    cancelled = await _done(task)
    if cancelled is not None:
        raise cancelled


async def _done(future: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Wait until a future is done, and give the last cancellation meanwhile.

    There may be many: who is under a cancelled scope of anyio is cancelled again at
    every turn of the loop.
    """
    cancelled = None
    while not future.done():
        # Not the future itself, which would be cancelled with who waits for it. It
        # costs half of what `asyncio.shield` and `asyncio.wait` do.
        end = future.get_loop().create_future()
        tell = partial(_tell, end)
        future.add_done_callback(tell)
        try:
            await end
        except asyncio.CancelledError as error:
            # Stay: the server tears down the request's thread next.
            cancelled = error
            future.remove_done_callback(tell)
    return cancelled


def _tell(end: "asyncio.Future[None]", _: "asyncio.Future[Any]") -> None:
    if not end.done():
        end.set_result(None)


async def uncancelled() -> None:
    """Drop what has cancelled the current task and hasn't reached it yet.

    Tasks may cancel themselves, and go on to where they wait next.
    """
    task: Any = asyncio.current_task()
    if task._must_cancel:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
    # Timeouts and task groups tell by that number whom it was meant for.
    for _ in range(task.cancelling()):
        task.uncancel()


async def in_thread(
    sensitive: bool, function: Callable[..., object], *args: Any
) -> None:
    """Call a function outside of the event loop's thread, and wait for its end.

    What cancels this meanwhile is dropped.

    Args:
        sensitive: In the one thread that Django's ORM is bound to; else in any of the
            loop's own pool, which takes two thirds of the time.
        function: What to call.
        args: What with.

    Raises:
        RuntimeError: No thread is to be had.
    """
    work: asyncio.Future[Any]
    if sensitive:
        from asgiref.sync import sync_to_async

        # A task, because it would cancel what hasn't begun.
        call = sync_to_async(function, thread_sensitive=True)(*args)
        work = asyncio.ensure_future(call)
        asyncio.tasks._unregister_task(work)
    else:
        call_here = partial(copy_context().run, function, *args)
        work = asyncio.get_running_loop().run_in_executor(None, call_here)
    await _done(work)
    work.result()


async def outside_asyncio(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function in a thread of trio's, and wait for its end.

    Args:
        function: What to call.
        args: What with.
    """
    trio: Any = import_module("trio")
    with trio.CancelScope(shield=True):
        found: Result = await trio.to_thread.run_sync(function, *args)
    return found
