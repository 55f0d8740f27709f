"""Running from an event loop what is to be run to its end, whoever stops waiting."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

__all__ = ["ended", "in_thread", "start"]

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
    cancelled = None
    while not task.done():
        # Not the task itself, which would be cancelled with who waits for it. It costs
        # half of what `asyncio.shield` and `asyncio.wait` do.
        end = task.get_loop().create_future()
        task.add_done_callback(partial(_tell, end))
        try:
            await end
        except asyncio.CancelledError as error:
            # Stay: the server tears down the request's thread next.
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _tell(end: "asyncio.Future[None]", _: "asyncio.Task[None]") -> None:
    if not end.done():
        end.set_result(None)


async def in_thread(
    sensitive: bool, function: Callable[..., object], *args: Any
) -> None:
    """Call a function outside of the event loop's thread.

    Args:
        sensitive: In the one thread that Django's ORM is bound to; else in any of the
            loop's own pool, which takes two thirds of the time.
        function: What to call.
        args: What with.
    """
    if not sensitive:
        await asyncio.to_thread(function, *args)
        return
    from asgiref.sync import sync_to_async

    await sync_to_async(function, thread_sensitive=True)(*args)
