"""Tasks that begin at once, where asyncio has none: on Python 3.11.

A task begins in the loop's next turn there, and who waits for it goes on in the one
after, which together is as much as all else that a hit costs. A coroutine that never
waits needs neither. So it is run to where it waits first in the name of a stand-in, as
asyncio lets other kinds of tasks do
(https://docs.python.org/3/library/asyncio-extending.html). Only when it waits, or when
somebody looks at the stand-in, does that become a task, and stays the same object:
timeouts and scopes remember the one that they were entered in.

What is used of asyncio's insides stays as it is: these versions get no more changes but
for security.
"""

import asyncio
from asyncio import current_task, get_running_loop
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, cast

# Those in Python: what they are made of can be set.
_PyFuture: Any = asyncio.futures._PyFuture  # type: ignore[attr-defined]
_PyTask: Any = asyncio.tasks._PyTask  # type: ignore[attr-defined]


def start(coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
    """Run a coroutine in a task of its own, at once: see `ptrack.core.concurrency.start`."""
    loop = get_running_loop()
    context = copy_context()
    task: Any = _Beginning()
    task.begun = (coroutine, loop, context)
    outer = current_task(loop)
    if outer is not None:
        _leave_task(loop, outer)
    _enter_task(loop, task)
    try:
        try:
            awaited = context.run(coroutine.send, None)
        finally:
            _leave_task(loop, task)
        return _went_on(task, awaited)
    except StopIteration as end:
        return None if type(task) is _Beginning else _went_on(task, None, end)
    except BaseException as error:
        return _went_on(task, None, error)
    finally:
        if outer is not None:
            _enter_task(loop, outer)


class _Beginning:
    """Stands in for a task until one is needed.

    Attributes:
        begun: The coroutine, the loop that runs it, and its context.
    """

    begun: tuple[Coroutine[Any, Any, None], asyncio.AbstractEventLoop, Context]

    # By it asyncio tells a future.
    _asyncio_future_blocking = False

    # Who cancels it looks at it.
    _must_cancel = False

    def cancelling(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Any:
        return getattr(_looked_at(self), name)

    def __repr__(self) -> str:
        return repr(_looked_at(self))

    def __await__(self) -> Generator[Any, None, None]:
        return cast("Generator[Any, None, None]", _looked_at(self).__await__())


class Task(_PyTask):  # type: ignore[misc]
    """What a stand-in becomes: of a class of its own, as Python wants the two alike."""


class _Schedule:
    """Stands in for the loop while a task is made, and keeps what it would schedule."""

    step: Callable[[], None]

    def get_debug(self) -> bool:
        return False

    def call_soon(self, step: Callable[[], None], **_: Any) -> None:
        self.step = step


class _FirstStep:
    """Stands in for the coroutine while its task takes the step that is taken."""

    def __init__(self, task: Any, awaited: Any, error: BaseException | None) -> None:
        self._task = task
        self._awaited = awaited
        self._error = error
        self._left = task._coro, task._must_cancel

    def send(self, _: None) -> Any:
        """Leave all as the coroutine did, and give what it waits for."""
        self._task._coro, self._task._must_cancel = self._left
        if self._error is not None:
            raise self._error
        return self._awaited


def _went_on(
    task: Any, awaited: Any, error: BaseException | None = None
) -> "asyncio.Task[None] | None":
    """Have a task do what follows from its first step.

    Args:
        task: A task or its stand-in.
        awaited: What its coroutine waits for.
        error: What it raised instead.

    Returns:
        ``None`` if it has ended.
    """
    if type(task) is _Beginning:
        _become_task(task)
    first = _FirstStep(task, awaited, error)
    # Whoever was cancelled in that step is so after it.
    task._coro, task._must_cancel = first, False
    task._context.run(task.step)
    return None if task.done() else task


def _looked_at(task: Any) -> Any:
    coroutine = task.begun[0]
    _become_task(task)
    if coroutine.cr_frame is None:
        # It ended long ago.
        _PyFuture.set_result(task, None)
    return task


def _become_task(task: Any) -> None:
    coroutine, loop, context = task.begun
    schedule = _Schedule()
    task.__class__ = Task
    _PyTask.__init__(task, coroutine, loop=schedule)
    task._loop, task._context = loop, context
    task.step = schedule.step
