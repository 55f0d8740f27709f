"""A process that runs until its block ends, with all that it has started."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from .places import ROOT
from .processes import SoakError, children_of, listens, wait_until

PATIENCE = 30
"""Seconds to wait for a process before it is taken for broken."""

AnyService = TypeVar("AnyService", bound="Service")


class Service:
    """A process that runs until the block ends, with what it starts.

    Args:
        command: Starts it.
        place: A directory, where it runs and its output is kept.
        name: Of the file with its output.
        variables: Of its environment; a change of them is for its next start.
    """

    def __init__(
        self, command: Sequence[str], place: Path, name: str, **variables: str
    ) -> None:
        self.place = place
        self._command = list(command)
        self.variables = variables
        self._output = place / f"{name}.output"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self: AnyService) -> AnyService:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and whatever it has started."""
        self.stop()

    @property
    def pid(self) -> int:
        """The process that was started."""
        if self._process is None:
            raise SoakError(f"{self._output.stem} isn't running")
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        told = len(self.output())
        with self._output.open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                cwd=self.place,
                env=_environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # To be ended with all that it starts.
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: process.poll() is not None or self.is_ready(told),
                PATIENCE,
                "it isn't ready",
            )
        except SoakError as error:
            raise SoakError(f"{error}:\n{self.output()}") from None
        if process.poll() is not None:
            raise SoakError(f"it ended by itself:\n{self.output()}")

    def is_ready(self, told: int) -> bool:
        """Tell whether it does what it is there for.

        Args:
            told: The length of the output before it was started.
        """
        return True

    def stop(self) -> None:
        """End it gracefully, and then whatever is left of it."""
        process, self._process = self._process, None
        if process is None:
            return
        # It may have been frozen.
        _signal(process.pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
        finally:
            _signal(process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill it and all that it has started, at once (SIGKILL)."""
        process, self._process = self._process, None
        if process is not None:
            _signal(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)

    def freeze(self) -> None:
        """Let it do nothing until it is thawed; connections to it come about."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with what was sent to it meanwhile."""
        os.killpg(self.pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """Give the processes that it has started, without theirs."""
        return children_of(self.pid)

    def output(self) -> str:
        """Give what it has written so far, in all its lives."""
        if not self._output.exists():
            return ""
        return self._output.read_text(errors="replace")


class Listener(Service):
    """A service that is ready when it listens.

    Args:
        command: As for `Service`, likewise the rest.
        port: Where it listens.
    """

    def __init__(
        self,
        command: Sequence[str],
        place: Path,
        name: str,
        port: int,
        **variables: str,
    ) -> None:
        super().__init__(command, place, name, **variables)
        self.port = port

    def is_ready(self, told: int) -> bool:
        """Tell whether it listens."""
        return listens(self.port)


class Announcer(Service):
    """A service that writes when it is ready.

    Attributes:
        sign: The words that it writes then.
    """

    sign: ClassVar[str]

    def is_ready(self, told: int) -> bool:
        """Tell whether it has said so."""
        return self.sign in self.output()[told:]


# What a service is to have from whom starts it, and not by chance.
_OURS = ("PTRACK_", "PYTHON", "DJANGO_", "CELERY_", "COVERAGE_")


def _environment(**variables: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(_OURS)
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # As root it only warns, and nothing here is worth that.
        "C_FORCE_ROOT": "1",
        **variables,
    }


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
