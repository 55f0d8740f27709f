"""The ways in which the callbacks of `exits` mean to end something."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any


def fail(error: BaseException) -> None:
    raise error


WAYS: dict[str, Callable[[], Any]] = {
    "exit": lambda: sys.exit(3),
    "quit": quit,
    "SystemExit": lambda: fail(SystemExit("bye")),
    "GeneratorExit": lambda: fail(GeneratorExit()),
    "CancelledError": lambda: fail(asyncio.CancelledError()),
    "group": lambda: fail(BaseExceptionGroup("group", [SystemExit(), ValueError()])),
}
