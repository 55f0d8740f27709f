"""The servers: how each is started, reloaded, and always ended."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .places import BEHIND, JOURNAL, LEDGER, LOG, PLACE, SECOND
from .processes import (
    HOST,
    SoakError,
    free_port,
    is_alive,
    listens,
    wait_until,
)

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30
"""Seconds to wait for a server before it is taken for broken."""

SECRET = "a-secret-of-the-soak-of-32-bytes"

WSGI = "soak.served.app:application"
ASGI = "soak.served.site:application"
TOKENS = "soak.served.tokens:application"


def _program(name: str) -> str:
    # Not that of whatever environment happens to be first in PATH.
    return str(Path(sys.executable).with_name(name))


def gunicorn(port: int, app: str, *more: str, workers: int = 2) -> list[str]:
    """Give the command of gunicorn."""
    return [
        *(_program("gunicorn"), "--bind", f"{HOST}:{port}", "--no-control-socket"),
        *("--workers", str(workers), "--log-level", "warning", "--keep-alive", "10"),
        *("--graceful-timeout", "10", "--limit-request-line", "0", *more, app),
    ]


def _sync(port: int) -> list[str]:
    return gunicorn(port, WSGI, "--worker-class", "sync")


def _gthread(port: int) -> list[str]:
    return gunicorn(port, WSGI, "--worker-class", "gthread", "--threads", "4")


def _uvicorn(port: int) -> list[str]:
    return gunicorn(port, ASGI, "--worker-class", "uvicorn_worker.UvicornWorker")


def _uwsgi(port: int) -> list[str]:
    return [
        *(_program("uwsgi"), "--http-socket", f"{HOST}:{port}", "--master"),
        *("--processes", "2", "--threads", "2", "--die-on-term", "--need-app"),
        *("--lazy-apps", "--disable-logging", "--buffer-size", "65535"),
        # It starts itself anew on SIGHUP, and without this outside the environment.
        *("--binary-path", sys.executable, "--module", WSGI),
    ]


def _granian(port: int, interface: str, app: str) -> list[str]:
    return [
        *(_program("granian"), "--interface", interface, "--host", HOST),
        *("--port", str(port), "--workers", "2", "--respawn-failed-workers"),
        *("--blocking-threads", "2" if interface == "wsgi" else "1"),
        *("--log-level", "warning", app),
    ]


def _granian_wsgi(port: int) -> list[str]:
    return _granian(port, "wsgi", WSGI)


def _granian_asgi(port: int) -> list[str]:
    return _granian(port, "asgi", ASGI)


def _waitress(port: int) -> list[str]:
    return [_program("waitress-serve"), f"--listen={HOST}:{port}", "--threads=4", WSGI]


@dataclass(frozen=True)
class Kind:
    """A server, and what it is able to do.

    Attributes:
        name: What it is called in the results.
        command: Gives the command that serves on a port.
        keeps_alive: Connections stay open after an answer.
        has_master: A process watches over the workers: replaces one that is killed,
            and all of them on SIGHUP.
        workers: How many there are.
    """

    name: str
    command: Callable[[int], list[str]]
    keeps_alive: bool = True
    has_master: bool = True
    workers: int = 2

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return shutil.which(self.command(0)[0]) is not None


@dataclass(frozen=True)
class NotRun:
    """What stands for a result where something is missing.

    Attributes:
        remedy: The command that installs it.
    """

    remedy: str


KINDS = (
    Kind("gunicorn sync", _sync, keeps_alive=False),
    Kind("gunicorn gthread", _gthread),
    Kind("uWSGI", _uwsgi, keeps_alive=False),
    Kind("Granian WSGI", _granian_wsgi),
    Kind("waitress", _waitress, has_master=False, workers=1),
    Kind("gunicorn uvicorn", _uvicorn),
    Kind("Granian ASGI", _granian_asgi),
)


def prepare(place: Path) -> None:
    """Make the databases and files that the callbacks write to, empty."""
    for name in (LEDGER, SECOND):
        with closing(sqlite3.connect(place / name)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE hits (id INTEGER, pid INTEGER, at REAL)")
    with closing(sqlite3.connect(place / BEHIND)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE recorded (id INTEGER, hit TEXT, who TEXT, at REAL)"
        )
    (place / f"{JOURNAL}.sound").touch()
    (place / JOURNAL).symlink_to(place / f"{JOURNAL}.sound")
    (place / LOG).touch()


class Server:
    """A server that runs until the block ends.

    Args:
        command: Gives the command that serves on a port.
        place: Where it writes, prepared; several may share it.
        variables: Of its environment.
    """

    def __init__(
        self, command: Callable[[int], list[str]], place: Path, **variables: str
    ) -> None:
        self.port = free_port()
        self._command = command(self.port)
        self._place = place
        self._output = place / f"output-{self.port}"
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all its processes."""
        self.stop()

    @property
    def master(self) -> int:
        """The process that was started."""
        if self._process is None:
            raise SoakError("the server isn't running")
        return self._process.pid

    def start(self, **variables: str) -> None:
        """Start it, and wait until it listens.

        Args:
            variables: Of its environment, from now on.
        """
        self._variables.update(variables)
        with self._output.open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                cwd=self._place,
                env=_environ(**{PLACE: str(self._place), **self._variables}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Of its own group, to be ended with all its workers.
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: process.poll() is not None or listens(self.port),
                PATIENCE,
                "the server doesn't listen",
            )
        except SoakError as error:
            raise SoakError(f"{error}:\n{self.output()}") from None
        if process.poll() is not None:
            raise SoakError(f"the server ended by itself:\n{self.output()}")

    def stop(self) -> None:
        """End it gracefully, and then whatever is left of it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
        finally:
            _kill_group(process.pid)

    def restart(self, **variables: str) -> None:
        """End it and start it again on the same port."""
        self.stop()
        self.start(**variables)

    def reload(self) -> None:
        """Ask it to replace its workers by new ones."""
        os.kill(self.master, signal.SIGHUP)

    def workers(self) -> list[int]:
        """Give its processes that have recorded hits and still run."""
        group = self.master
        return [pid for pid in recorders(self._place) if _is_in_group(pid, group)]

    def output(self) -> str:
        """Give what it has written so far, warnings of Python among that."""
        return self._output.read_text(errors="replace")


def recorders(place: Path) -> list[int]:
    """Give the processes that have recorded hits, in the order of their first."""
    with closing(sqlite3.connect(place / LEDGER, timeout=10)) as database:
        query = "SELECT pid FROM hits GROUP BY pid ORDER BY min(rowid)"
        return [pid for (pid,) in database.execute(query)]


def _environ(**variables: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PTRACK_", "PYTHON", "DJANGO_", "COVERAGE_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # What is left open is told of, and counted in what the server has written.
        "PYTHONWARNINGS": "error::ResourceWarning",
        "PTRACK_SECRET": SECRET,
        **variables,
    }


def _is_in_group(pid: int, group: int) -> bool:
    try:
        return is_alive(pid) and os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
