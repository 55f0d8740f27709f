"""Processes of the sides, each in its own environment."""

import json
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from .environments import (
    OURS,
    PYTRACKING,
    QUEUEING,
    THREE,
    WORKERS,
    Environment,
    make_environ,
)
from .machine import pin

SCRIPTS = {
    OURS: "ours.py",
    THREE: "three.py",
    PYTRACKING: "pytracking_side.py",
    QUEUEING: "queueing.py",
}
MEMORY = "memory.py"


class WorkerError(Exception):
    """A side doesn't do its job; its own message is on stderr."""


class Worker:
    """The process of a side, which times its cases.

    Args:
        environment: The virtual environment that it runs in.
        variables: Variables of its environment.

    Attributes:
        side: The side.
        cases: The names of its cases.
        path: The path of a hit.
    """

    def __init__(self, environment: Environment, **variables: str) -> None:
        self.side = environment.side
        self._process = subprocess.Popen(
            pin(0, [environment.python, str(WORKERS / SCRIPTS[self.side])]),
            env=make_environ(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self.cases: list[str] = []
        self.path = ""

    def __enter__(self) -> "Worker":
        """Wait until it has checked its cases."""
        try:
            about = self._read()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.cases, self.path = about["cases"], about["path"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def count_calls(self, case: str, seconds: float) -> int:
        """Find out how many calls take about that long."""
        return int(self._ask(case=case, seconds=seconds))

    def time(self, case: str, calls: int) -> float:
        """Time a round of calls; return the microseconds of one of them."""
        return float(self._ask(case=case, calls=calls)) / calls * 1e6

    def measure_lengths(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> dict[str, int]:
        """Return the lengths of the token and the URL for some data."""
        found: dict[str, int] = self._ask(lengths=[args, kwargs])
        return found

    def _ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker of {self.side} ended")
        return json.loads(line)


def measure_memory(environment: Environment, kind: str, hits: int) -> dict[str, int]:
    """Make many hits in a process of its own: see ``workers/memory.py``."""
    done = subprocess.run(
        pin(0, [environment.python, str(WORKERS / MEMORY), kind, str(hits)]),
        env=make_environ(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WorkerError(f"the hits through {kind} failed")
    found: dict[str, int] = json.loads(done.stdout)
    return found
