"""ptrack.core.concurrency: work runs to its end, even if nothing waits for it."""

import asyncio
import gc
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from ptrack.core import concurrency
from ptrack.core.concurrency import (
    THREADS,
    run_in_thread,
    run_outside_asyncio,
    run_to_end,
)
from tests.processes import run_python
from tools.soak.processes import wait_until

# -- run_to_end -----------------------------------------------------------------------


def test_result_is_returned_and_an_error_is_raised():
    async def divide(one: int, other: int) -> float:
        await asyncio.sleep(0)
        return one / other

    assert asyncio.run(run_to_end(divide(7, 2))) == 3.5
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run_to_end(divide(7, 0)))


@pytest.mark.parametrize("pauses", [0, 1])
def test_work_has_one_task_of_its_own(pauses: int):
    """Timeouts and task groups in it concern that task, and not the request's."""
    tasks: list[Any] = []

    async def work() -> None:
        tasks.append(asyncio.current_task())
        for _ in range(pauses):
            await asyncio.sleep(0)
        tasks.append(asyncio.current_task())

    async def main() -> None:
        await run_to_end(work())
        tasks.append(asyncio.current_task())

    asyncio.run(main())
    assert tasks[0] is tasks[1] is not None
    assert tasks[2] is not tasks[0]


@pytest.mark.parametrize("times", [1, 3])
def test_cancelling_the_request_cancels_it_after_the_end_of_the_work(times: int):
    """A cancelled scope of anyio cancels at every turn of the loop."""
    done = []

    async def work() -> None:
        await asyncio.sleep(0.02)
        done.append("work")

    async def main() -> None:
        request = asyncio.ensure_future(run_to_end(work()))
        for _ in range(times):
            await asyncio.sleep(0.001)
            request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert done == ["work"]

    asyncio.run(main())


def test_cancelling_again_and_again_leaves_nothing_behind():
    def count_futures() -> int:
        gc.collect()
        return sum(issubclass(type(each), asyncio.Future) for each in gc.get_objects())

    async def main() -> None:
        end = asyncio.Event()
        request = asyncio.ensure_future(run_to_end(end.wait()))
        counts = []
        for _ in range(2):
            for _ in range(50):
                await asyncio.sleep(0)
                request.cancel()
            await asyncio.sleep(0)
            counts.append(count_futures())
        end.set()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert counts[0] == counts[1]

    asyncio.run(main())


def test_request_may_be_cancelled_as_the_work_ends():
    request: list[Any] = []

    async def work() -> None:
        await asyncio.sleep(0)
        request[0].cancel()

    async def main() -> None:
        request.append(asyncio.ensure_future(run_to_end(work())))
        with pytest.raises(asyncio.CancelledError):
            await request[0]
        await asyncio.sleep(0)

    asyncio.run(main())


def test_error_of_work_whose_request_was_cancelled_is_not_logged(caplog):
    """The request is gone, and so is the place to raise it at."""

    async def work() -> None:
        await asyncio.sleep(0.01)
        raise LookupError

    async def main() -> None:
        request = asyncio.ensure_future(run_to_end(work()))
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(main())
    gc.collect()
    assert "LookupError" not in caplog.text


def test_end_of_the_loop_cancels_the_work_like_any_task():
    """It can clean up, and the loop waits for that."""
    happened = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            happened.append("cancelled")
            raise

    requests = []

    async def main() -> None:
        requests.append(asyncio.ensure_future(run_to_end(work())))
        await asyncio.sleep(0.001)

    asyncio.run(main())
    assert happened == ["cancelled"]
    assert requests[0].cancelled()


@pytest.mark.parametrize("pauses", [0, 1])
def test_timeout_in_the_work_ends_its_own_block_and_nothing_else(pauses: int):
    done = []

    async def work() -> None:
        for _ in range(pauses):
            await asyncio.sleep(0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        done.append("timeout")

    asyncio.run(run_to_end(work()))
    assert done == ["timeout"]


def test_work_sees_the_context_of_its_caller_and_keeps_its_own():
    variable: ContextVar[str] = ContextVar("variable")
    seen = []

    async def work() -> None:
        seen.append(variable.get())
        token = variable.set("inner")
        await asyncio.sleep(0)
        seen.append(variable.get())
        variable.reset(token)
        seen.append(variable.get())

    async def main() -> None:
        variable.set("outer")
        await run_to_end(work())
        seen.append(variable.get())

    asyncio.run(main())
    assert seen == ["outer", "inner", "outer", "outer"]


# -- run_in_thread --------------------------------------------------------------------

each_thread = pytest.mark.parametrize("sensitive", [True, False])


@each_thread
def test_function_runs_outside_the_thread_of_the_loop(sensitive: bool):
    async def main() -> Any:
        return await run_in_thread(sensitive, threading.current_thread)

    assert asyncio.run(main()) is not threading.current_thread()


@each_thread
def test_function_gets_its_arguments_and_its_result_or_error_comes_back(
    sensitive: bool,
):
    async def main(*args: int) -> Any:
        return await run_in_thread(sensitive, divmod, *args)

    assert asyncio.run(main(7, 2)) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(main(7, 0))


def test_functions_that_are_not_sensitive_run_side_by_side():
    """Each waits for the other: one after the other, both would fail."""
    barrier = threading.Barrier(2, timeout=10)

    async def main() -> None:
        await asyncio.gather(
            run_in_thread(False, barrier.wait), run_in_thread(False, barrier.wait)
        )

    asyncio.run(main())
    assert not barrier.broken


@each_thread
def test_function_is_called_even_if_its_task_is_cancelled(sensitive: bool):
    """Before the function has a thread, and while it waits for one."""
    called = []
    free = threading.Event()

    async def work() -> None:
        task: Any = asyncio.current_task()
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        asyncio.get_running_loop().call_later(0.04, free.set)
        task.cancel()
        await run_in_thread(sensitive, called.append, "called")
        called.append("went on")

    async def main() -> None:
        busy = asyncio.ensure_future(run_in_thread(sensitive, free.wait, 10))
        await asyncio.sleep(0.01)
        await run_to_end(work())
        await busy

    asyncio.run(main())
    assert called == ["called", "went on"]


def test_missing_thread_is_an_error(monkeypatch: pytest.MonkeyPatch):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    monkeypatch.setattr(concurrency, "_make_pool", lambda: pool)
    with pytest.raises(RuntimeError, match="shutdown"):
        asyncio.run(run_in_thread(False, print))


def test_function_sees_the_context_of_its_caller_and_changes_it_for_itself_alone():
    variable: ContextVar[str] = ContextVar("variable", default="other")

    def read_and_change() -> str:
        found = variable.get()
        variable.set("changed")
        return found

    async def main() -> list[str]:
        variable.set("caller's")
        found = [await run_in_thread(False, read_and_change) for _ in range(2)]
        return [*found, variable.get()]

    assert asyncio.run(main()) == ["caller's"] * 3


def test_threads_that_all_wait_leave_those_of_the_app_alone():
    """A broker that hangs holds as many of ptrack's threads as there may be."""
    end = threading.Event()
    waiting = []

    def wait() -> None:
        waiting.append(threading.current_thread())
        assert end.wait(10)

    async def main() -> None:
        work = [
            asyncio.ensure_future(run_in_thread(False, wait))
            for _ in range(THREADS + 5)
        ]
        await asyncio.to_thread(
            wait_until, lambda: len(waiting) >= THREADS, 10, "no threads"
        )
        await asyncio.sleep(0.1)
        assert len(waiting) == len(set(waiting)) == THREADS
        end.set()
        await asyncio.gather(*work)

    asyncio.run(main())
    assert len(waiting) == THREADS + 5
    assert all(thread.name.startswith("ptrack") for thread in waiting)


FORK = """
import asyncio, os, threading, warnings
from ptrack.core.concurrency import run_in_thread
# Python warns of forks of a process with threads, which is the point here.
warnings.simplefilter("ignore", DeprecationWarning)
asyncio.run(run_in_thread(False, os.write, 1, b"parent\\n"))
child = os.fork()
text = b"again\\n" if child else b"child\\n"
asyncio.run(run_in_thread(False, os.write, 1, text))
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_fork_of_a_process_with_threads_has_threads_of_its_own():
    """Both processes end, and don't wait for threads that are idle or elsewhere."""
    assert sorted(run_python(FORK).split()) == ["again", "child", "parent"]


def takes_turns(coroutine: Coroutine[Any, Any, Any]) -> bool:
    """Return whether a coroutine waits for a turn of the loop."""
    turns = []

    async def main() -> bool:
        asyncio.get_running_loop().call_soon(turns.append, "turn")
        await coroutine
        return turns == ["turn"]

    return asyncio.run(main())


def test_work_that_does_not_wait_takes_no_turn_of_the_loop_where_python_can():
    async def work() -> None:
        """Return without waiting."""

    assert takes_turns(run_to_end(work())) == (sys.version_info < (3, 12))


# -- run_outside_asyncio --------------------------------------------------------------


def test_function_runs_to_its_end_under_trio_even_in_a_cancelled_scope():
    called = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            called.append(await run_outside_asyncio(divmod, 7, 2))
            called.append(await run_outside_asyncio(threading.current_thread))
            await trio.lowlevel.checkpoint()
        assert scope.cancelled_caught

    trio.run(main)
    assert called[0] == (3, 1)
    assert called[1] is not threading.current_thread()


def test_threads_under_trio_are_bounded_and_apart_from_the_apps():
    end = threading.Event()
    waiting = []

    def wait() -> None:
        waiting.append("waits")
        assert end.wait(10)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(THREADS + 5):
                nursery.start_soon(run_outside_asyncio, wait)
            app_limiter = trio.to_thread.current_default_thread_limiter()
            await trio.to_thread.run_sync(
                wait_until, lambda: len(waiting) >= THREADS, 10, "no threads"
            )
            assert len(waiting) == THREADS
            assert app_limiter.borrowed_tokens == 0
            end.set()

    trio.run(main)
    assert len(waiting) == THREADS + 5
