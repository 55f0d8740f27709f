"""A process that runs until its block ends, with all processes that it has started."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from .places import ROOT
from .processes import SoakError, list_children, listens, wait_until

PATIENCE = 30
"""Seconds to wait for a process before it counts as broken."""

AnyService = TypeVar("AnyService", bound="Service")


class Service:
    """A process that runs until the block ends, with all processes that it starts.

    Args:
        command: The command that starts it.
        place: The directory that it runs in and that keeps its output.
        name: The name of the file with its output.
        variables: Variables of its environment; a change of them is for its next start.
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
        """End it, and all that it has started."""
        self.stop()

    @property
    def pid(self) -> int:
        """The id of the process."""
        if self._process is None:
            raise SoakError(f"{self._output.stem} isn't running")
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        told = len(self.read_output())
        with self._output.open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                cwd=self.place,
                env=_make_environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # So that it is ended with all that it starts.
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: process.poll() is not None or self.is_ready(told),
                PATIENCE,
                "it isn't ready",
            )
        except SoakError as error:
            raise SoakError(f"{error}:\n{self.read_output()}") from None
        if process.poll() is not None:
            raise SoakError(f"it ended by itself:\n{self.read_output()}")

    def is_ready(self, told: int) -> bool:
        """Return whether it does its job.

        Args:
            told: The length of the output before it was started.
        """
        return True

    def stop(self) -> None:
        """End it gracefully, and then kill the rest of it."""
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
        """Halt it until it is thawed; connections to it are still made."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on; it gets the data that was sent to it meanwhile."""
        os.killpg(self.pid, signal.SIGCONT)

    def list_children(self) -> list[int]:
        """Return the running processes that it has started itself."""
        return list_children(self.pid)

    def read_output(self) -> str:
        """Return all that it has written so far, since its first start."""
        if not self._output.exists():
            return ""
        return self._output.read_text(errors="replace")


class Listener(Service):
    """A service that is ready when it listens.

    Args:
        command: As for `Service`, like the others.
        port: The port that it listens on.
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
        """Return whether it listens."""
        return listens(self.port)


class Announcer(Service):
    """A service that writes when it is ready.

    Attributes:
        sign: The words that it writes then.
    """

    sign: ClassVar[str]

    def is_ready(self, told: int) -> bool:
        """Return whether it has written that."""
        return self.sign in self.read_output()[told:]


# A service gets these from its caller alone.
_OURS = ("PTRACK_", "PYTHON", "DJANGO_", "CELERY_", "COVERAGE_")


def _make_environment(**variables: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(_OURS)
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # As root Celery would warn.
        "C_FORCE_ROOT": "1",
        **variables,
    }


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
