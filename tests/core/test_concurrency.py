"""ptrack.core.concurrency: what is started runs to its end, whoever stops waiting for it."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from ptrack.core.concurrency import (
    ended,
    in_thread,
    outside_asyncio,
    start,
    uncancelled,
)


async def finished(coroutine: Any) -> None:
    """What callers do with the two functions."""
    task = start(coroutine)
    if task is not None:
        await ended(task)


def test_coroutine_runs_in_a_task_of_its_own():
    """So timeouts and task groups in it are about that task, not the request's."""
    tasks = []

    async def work() -> None:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    async def main() -> None:
        await finished(work())
        tasks.append(asyncio.current_task())

    asyncio.run(main())
    assert tasks[0] is tasks[1] is not None
    assert tasks[2] is not tasks[0]


def test_what_does_not_wait_takes_no_turn_of_the_loop():
    turns = []

    async def work() -> None:
        turns.append("work")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(turns.append, "turn")
        assert start(work()) is None
        assert turns == ["work"]

    asyncio.run(main())


@pytest.mark.parametrize("times", [1, 3])
def test_cancelling_who_waits_cancels_them_after_the_end(times: int):
    """However often: what is under a cancelled scope of anyio is at every turn."""
    done = []

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append("work")

    async def main() -> None:
        waiting = asyncio.ensure_future(finished(work()))
        for _ in range(times):
            await asyncio.sleep(0.001)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert done == ["work"]

    asyncio.run(main())


def test_cancelling_who_waits_again_and_again_leaves_nothing_behind():
    left = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        left.extend(asyncio.current_task()._callbacks)

    async def main() -> None:
        waiting = asyncio.ensure_future(finished(work()))
        for _ in range(50):
            await asyncio.sleep(0)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(left) == 1

    asyncio.run(main())


def test_who_waits_may_be_cancelled_as_it_ends():
    waiting: list[Any] = []

    async def work() -> None:
        await asyncio.sleep(0)
        waiting[0].cancel()

    async def main() -> None:
        waiting.append(asyncio.ensure_future(finished(work())))
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        await asyncio.sleep(0)

    asyncio.run(main())


def test_end_of_the_loop_waits_for_it():
    """As at a server's shutdown: all of the loop's tasks are cancelled."""
    done = []

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append("work")

    waiting = []

    async def main() -> None:
        waiting.append(asyncio.ensure_future(finished(work())))
        await asyncio.sleep(0.001)

    asyncio.run(main())
    assert done == ["work"]
    assert waiting[0].cancelled()


@pytest.mark.parametrize("pauses", [0, 1])
def test_timeout_inside_ends_what_it_is_around_and_nothing_else(pauses: int):
    done = []

    async def work() -> None:
        for _ in range(pauses):
            await asyncio.sleep(0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        done.append("timeout")

    asyncio.run(finished(work()))
    assert done == ["timeout"]


def test_context_of_who_starts_it_is_seen():
    variable: ContextVar[str] = ContextVar("variable")
    seen = []

    async def work() -> None:
        seen.append(variable.get())
        await asyncio.sleep(0)
        seen.append(variable.get())

    async def main() -> None:
        variable.set("set")
        await finished(work())

    asyncio.run(main())
    assert seen == ["set", "set"]


@pytest.mark.parametrize("sensitive", [True, False])
def test_function_runs_outside_of_the_loops_thread(sensitive: bool):
    threads = []

    async def main() -> None:
        await in_thread(sensitive, threads.append, "called")
        await in_thread(sensitive, lambda: threads.append(threading.current_thread()))

    asyncio.run(main())
    assert threads[0] == "called"
    assert threads[1] is not threading.current_thread()


def test_functions_that_are_not_sensitive_run_side_by_side():
    """Each waits for the other: one after the other, both would fail."""
    barrier = threading.Barrier(2, timeout=10)

    def meet() -> None:
        barrier.wait()

    async def main() -> None:
        await asyncio.gather(in_thread(False, meet), in_thread(False, meet))

    asyncio.run(main())
    assert not barrier.broken


@pytest.mark.parametrize("sensitive", [True, False])
def test_function_that_waits_for_a_thread_is_called_whoever_is_cancelled(
    sensitive: bool,
):
    """Before that, by what was left behind, and meanwhile."""
    called = []
    free = threading.Event()

    async def work() -> None:
        task = asyncio.current_task()
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        asyncio.get_running_loop().call_later(0.04, free.set)
        task.cancel()
        await in_thread(sensitive, called.append, "called")
        called.append("went on")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = asyncio.ensure_future(in_thread(sensitive, free.wait, 10))
        await asyncio.sleep(0.01)
        await finished(work())
        await busy

    asyncio.run(main())
    assert called == ["called", "went on"]


def test_no_thread_is_told():
    async def main() -> None:
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        asyncio.get_running_loop().set_default_executor(pool)
        with pytest.raises(RuntimeError, match="shutdown"):
            await in_thread(False, print)

    asyncio.run(main())


def test_end_of_the_loop_waits_for_a_function_too():
    """Also where it is sensitive, and there is a task for it."""
    done = []

    async def work() -> None:
        await in_thread(True, time.sleep, 0.05)
        done.append("work")

    async def main() -> None:
        waiting.append(asyncio.ensure_future(finished(work())))
        await asyncio.sleep(0.01)

    waiting: list[Any] = []
    asyncio.run(main())
    assert done == ["work"]


@pytest.mark.parametrize("catches", [True, False])
def test_what_was_left_behind_is_dropped(catches: bool):
    """Whether the task was told of it or not; timeouts after it work."""
    done = []

    async def work() -> None:
        task = asyncio.current_task()
        task.cancel()
        if catches:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        await uncancelled()
        assert getattr(task, "cancelling", int)() == 0
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        done.append("work")

    asyncio.run(finished(work()))
    assert done == ["work"]


def test_nothing_is_dropped_in_no_turn_of_the_loop():
    async def main() -> None:
        assert start(uncancelled()) is None

    asyncio.run(main())


def test_function_runs_to_its_end_under_trio_even_in_a_cancelled_scope():
    called = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            called.append(await outside_asyncio(divmod, 7, 2))
            await trio.lowlevel.checkpoint()
        assert scope.cancelled_caught

    trio.run(main)
    assert called == [(3, 1)]
