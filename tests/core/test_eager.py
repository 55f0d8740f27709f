"""ptrack.core.eager: tasks that begin at once are in all else what asyncio's are."""

import asyncio
import re
import weakref
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from ptrack.core.eager import start

Work = Callable[[], Coroutine[Any, Any, None]]
Happened = list[Any]


def started(work: Work) -> Happened:
    """Give what comes of a coroutine that `start` runs, to the end of its task."""
    return asyncio.run(outcome(work, start))


def scheduled(work: Work) -> Happened:
    """Give what comes of it in a task of asyncio's own."""
    return asyncio.run(outcome(work, asyncio.create_task))


async def outcome(work: Work, begin: Callable[[Any], Any]) -> Happened:
    """Say how the coroutine's task ended."""
    tasks: list[Any] = []

    async def seen() -> None:
        tasks.append(asyncio.current_task())
        await work()

    outer = asyncio.current_task()
    begin(seen())
    assert asyncio.current_task() is outer
    await asyncio.sleep(0)
    (task,) = tasks
    await asyncio.wait([task], timeout=5)
    assert task.done()
    if task.cancelled():
        return ["cancelled"]
    # All are numbered.
    return [re.sub(r"Task-\d+", "Task", repr(task.exception()))]


def current() -> Any:
    """Give the current task."""
    task = asyncio.current_task()
    assert task is not None
    return task


async def nothing() -> None:
    """Never wait."""


async def waits() -> None:
    """Wait for a turn of the loop."""
    await asyncio.sleep(0)


async def raises() -> None:
    """Fail at once."""
    raise OSError("at once")


async def raises_later() -> None:
    """Fail after a turn of the loop."""
    await asyncio.sleep(0)
    raise OSError("later")


async def raises_what_is_no_exception() -> None:
    """Fail as generators and threads of other kinds are ended."""
    raise GeneratorExit


async def waits_for_what_fails() -> None:
    """Wait first for a future that gets an error."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, OSError("theirs"))
    await future


async def waits_for_what_is_cancelled() -> None:
    """Wait first for a future that is cancelled."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    await future


async def survives_what_fails() -> None:
    """Catch it, and wait on."""
    try:
        await waits_for_what_fails()
    except OSError:
        await asyncio.sleep(0)


async def waits_for_itself() -> None:
    """Wait for what can never end."""
    await current()


async def waits_for_nothing_known() -> None:
    """Yield what the loop can't wait for."""

    class Odd:
        def __await__(self) -> Any:
            yield "odd"

    await Odd()


async def waits_for_another_loop() -> None:
    """Wait for a future of a loop that isn't the running one."""
    other = asyncio.new_event_loop()
    try:
        await other.create_future()
    finally:
        other.close()


async def cancels_itself() -> None:
    """End all the same."""
    current().cancel()


async def cancels_itself_and_fails() -> None:
    """Raise what is more than a cancellation."""
    current().cancel()
    raise OSError("at once")


async def cancels_itself_and_waits() -> None:
    """Wait for a turn."""
    current().cancel()
    await asyncio.sleep(0)
    raise OSError("not cancelled")


async def cancels_itself_and_waits_for_a_future() -> None:
    """Wait for what is cancelled with it."""
    future = asyncio.get_running_loop().create_future()
    current().cancel("why")
    try:
        await future
    except asyncio.CancelledError:
        raise OSError(str(future.cancelled())) from None


async def raises_cancelled() -> None:
    """Fail as who is cancelled."""
    raise asyncio.CancelledError


async def is_cancelled_soon() -> None:
    """Be cancelled between its first step and its next."""
    asyncio.get_running_loop().call_soon(current().cancel)
    await asyncio.sleep(0)
    raise OSError("not cancelled")


async def is_cancelled_later_and_goes_on() -> None:
    """Catch that, and end."""
    asyncio.get_running_loop().call_later(0.01, current().cancel)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)


async def times_out() -> None:
    """Enter a timeout before it waits, which remembers its task."""
    await asyncio.wait_for(asyncio.Event().wait(), 0.01)


async def is_in_a_scope_that_times_out() -> None:
    """Enter a scope of anyio's before it waits, and leave it after."""
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep(5)
    assert scope.cancelled_caught


async def has_a_group_of_tasks() -> None:
    """Cancel itself through one of its children."""
    async with anyio.create_task_group() as group:
        group.start_soon(raises_later)
        await anyio.sleep(5)


@pytest.mark.parametrize(
    "work",
    [
        nothing,
        waits,
        raises,
        raises_later,
        raises_what_is_no_exception,
        waits_for_what_fails,
        waits_for_what_is_cancelled,
        survives_what_fails,
        waits_for_nothing_known,
        waits_for_itself,
        waits_for_another_loop,
        cancels_itself,
        cancels_itself_and_fails,
        cancels_itself_and_waits,
        cancels_itself_and_waits_for_a_future,
        raises_cancelled,
        is_cancelled_soon,
        is_cancelled_later_and_goes_on,
        times_out,
        is_in_a_scope_that_times_out,
        has_a_group_of_tasks,
    ],
)
def test_task_ends_as_asyncios_own(work: Work):
    assert started(work) == scheduled(work)


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (nothing, ["None"]),
        (cancels_itself, ["cancelled"]),
        (raises_later, ["OSError('later')"]),
    ],
)
def test_ends_are_told_apart(work: Work, expected: Happened):
    """So the comparison above is one."""
    assert started(work) == expected


def test_what_never_waits_has_ended_at_once():
    happened = []

    async def work() -> None:
        happened.append("work")

    async def main() -> None:
        assert start(work()) is None
        assert happened == ["work"]

    asyncio.run(main())


def test_what_waits_is_given_and_goes_on_in_the_next_turn():
    happened = []

    async def work() -> None:
        await asyncio.sleep(0)
        happened.append("work")

    async def main() -> None:
        task = start(work())
        assert happened == []
        assert task is not None
        await asyncio.sleep(0)
        assert happened == ["work"]
        await task

    asyncio.run(main())


def test_stand_in_is_the_task_that_it_becomes():
    """Also for who keeps it by its hash or weakly, as scopes of anyio's do."""
    seen = []
    kept: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    async def work() -> None:
        kept[current()] = "kept"
        seen.append(current())
        await asyncio.sleep(0)
        seen.append(current())

    async def main() -> None:
        task = start(work())
        assert task is not None
        await task
        assert kept[task] == "kept"
        assert seen[0] is seen[1] is task

    asyncio.run(main())


@pytest.mark.parametrize("pauses", [0, 1])
def test_task_is_one_to_who_looks_at_it_before_it_waits(pauses: int):
    seen: list[Any] = []

    async def work() -> None:
        task = current()
        seen.extend([task, task.done(), task.get_coro(), task.get_loop()])
        task.add_done_callback(seen.append)
        for _ in range(pauses):
            await asyncio.sleep(0)

    async def main() -> None:
        coroutine = work()
        start(coroutine)
        await asyncio.sleep(0.01)
        task = seen[0]
        assert seen[1:] == [False, coroutine, asyncio.get_running_loop(), task]
        assert task.done()
        assert "work" in repr(task)

    asyncio.run(main())


def test_stand_in_looks_as_a_task_in_logs():
    seen: list[str] = []

    async def work() -> None:
        seen.append(repr(current()))

    async def main() -> None:
        start(work())

    asyncio.run(main())
    assert "Task" in seen[0]
    assert "work()" in seen[0]


@pytest.mark.parametrize("look", [lambda task: task.done(), lambda task: True])
def test_task_has_ended_to_who_looks_at_it_later(look: Callable[[Any], bool]):
    seen: list[Any] = []

    async def work() -> None:
        seen.append(current())

    async def main() -> None:
        start(work())
        (task,) = seen
        assert look(task)
        assert asyncio.isfuture(task)
        assert await task is None
        assert await asyncio.gather(task) == [None]

    asyncio.run(main())


def test_context_stays_one_from_the_first_step_on():
    """So what was set before it waited can be reset after it."""
    variable: ContextVar[str] = ContextVar("variable", default="outer")
    seen = []

    async def work() -> None:
        token = variable.set("inner")
        await asyncio.sleep(0)
        seen.append(variable.get())
        variable.reset(token)

    async def main() -> None:
        task = start(work())
        seen.append(variable.get())
        assert task is not None
        await task

    asyncio.run(main())
    assert seen == ["outer", "inner"]


def test_task_can_start_where_none_runs():
    """As in a callback of the loop's."""
    seen = []

    async def work() -> None:
        seen.append(current())
        await asyncio.sleep(0)
        seen.append(current())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: seen.append(start(work())))
        loop.call_soon(lambda: seen.append(asyncio.current_task()))
        await asyncio.sleep(0.01)

    asyncio.run(main())
    task = seen[0]
    assert seen == [task, task, None, task]


def test_task_can_start_another():
    seen = []

    async def inner() -> None:
        seen.append(current())
        await asyncio.sleep(0)

    async def work() -> None:
        task = start(inner())
        seen.append(current())
        assert task is seen[0]
        await task

    async def main() -> None:
        task = start(work())
        assert task is seen[1] is not seen[0]
        assert task is not None
        await task

    asyncio.run(main())


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_it(interruption: type[BaseException]):
    seen = []

    async def work() -> None:
        seen.append(current())
        raise interruption

    async def main() -> None:
        outer = asyncio.current_task()
        with pytest.raises(interruption):
            start(work())
        assert asyncio.current_task() is outer
        assert isinstance(seen[0].exception(), interruption)

    asyncio.run(main())


@pytest.mark.parametrize("debug", [True, False])
def test_loop_in_debug_mode_is_one_like_another(debug: bool):
    async def main() -> None:
        task = start(waits())
        assert task is not None
        await task
        assert start(nothing()) is None

    asyncio.run(main(), debug=debug)


def test_scope_of_asyncios_that_is_entered_before_it_waits_ends_after_it():
    done = []

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        assert current().cancelling() == 0
        done.append("work")

    async def main() -> None:
        task = start(work())
        assert task is not None
        await task

    asyncio.run(main())
    assert done == ["work"]
