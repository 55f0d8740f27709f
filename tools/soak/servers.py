"""The servers: how each is started, reloaded, and always ended."""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .places import BEHIND, JOURNAL, LEDGER, LOG, PLACE, SECOND
from .processes import HOST, free_port, is_alive
from .service import Listener

SECRET = "a-secret-of-the-soak-of-32-bytes"

WSGI = "tools.soak.served.app:application"
ASGI = "tools.soak.served.site:application"
TOKENS = "tools.soak.served.tokens:application"


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


class Server(Listener):
    """A server that runs until the block ends.

    Args:
        command: Gives the command that serves on a port.
        place: Where it writes, prepared; several may share it.
        variables: Of its environment.
    """

    def __init__(
        self, command: Callable[[int], list[str]], place: Path, **variables: str
    ) -> None:
        port = free_port()
        variables = {**_variables(place), **variables}
        super().__init__(command(port), place, f"server-{port}", port, **variables)

    def start(self, **variables: str) -> None:
        """Start it, and wait until it listens.

        Args:
            variables: Of its environment, from now on.
        """
        self.variables.update(variables)
        super().start()

    def restart(self, **variables: str) -> None:
        """End it and start it again on the same port."""
        self.stop()
        self.start(**variables)

    def reload(self) -> None:
        """Ask it to replace its workers by new ones."""
        os.kill(self.pid, signal.SIGHUP)

    def workers(self) -> list[int]:
        """Give its processes that have recorded hits and still run."""
        group = self.pid
        return [pid for pid in recorders(self.place) if _is_in_group(pid, group)]


def recorders(place: Path) -> list[int]:
    """Give the processes that have recorded hits, in the order of their first."""
    with closing(sqlite3.connect(place / LEDGER, timeout=10)) as database:
        query = "SELECT pid FROM hits GROUP BY pid ORDER BY min(rowid)"
        return [pid for (pid,) in database.execute(query)]


def _variables(place: Path) -> dict[str, str]:
    return {
        # What is left open is told of, and counted in what the server has written.
        "PYTHONWARNINGS": "error::ResourceWarning",
        "PTRACK_SECRET": SECRET,
        PLACE: str(place),
    }


def _is_in_group(pid: int, group: int) -> bool:
    try:
        return is_alive(pid) and os.getpgid(pid) == group
    except ProcessLookupError:
        return False
