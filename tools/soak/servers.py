"""The servers: how each is started, reloaded and ended."""

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
from .processes import HOST, is_alive, reserve_port
from .service import Listener

SECRET = "a-secret-of-the-soak-of-32-bytes"

WSGI = "tools.soak.served.app:application"
ASGI = "tools.soak.served.site:application"
TOKENS = "tools.soak.served.tokens:application"


def _find_program(name: str) -> str:
    # Another program of that name may be the first in PATH.
    return str(Path(sys.executable).with_name(name))


def make_gunicorn_command(
    port: int, app: str, *more: str, workers: int = 2
) -> list[str]:
    """Return the command of gunicorn."""
    return [
        *(_find_program("gunicorn"), "--bind", f"{HOST}:{port}", "--no-control-socket"),
        *("--workers", str(workers), "--log-level", "warning", "--keep-alive", "10"),
        *("--graceful-timeout", "10", "--limit-request-line", "0", *more, app),
    ]


def _make_sync_command(port: int) -> list[str]:
    return make_gunicorn_command(port, WSGI, "--worker-class", "sync")


def _make_gthread_command(port: int) -> list[str]:
    return make_gunicorn_command(
        port, WSGI, "--worker-class", "gthread", "--threads", "4"
    )


def _make_uvicorn_command(port: int) -> list[str]:
    return make_gunicorn_command(
        port, ASGI, "--worker-class", "uvicorn_worker.UvicornWorker"
    )


def _make_uwsgi_command(port: int) -> list[str]:
    return [
        *(_find_program("uwsgi"), "--http-socket", f"{HOST}:{port}", "--master"),
        *("--processes", "2", "--threads", "2", "--die-on-term", "--need-app"),
        *("--lazy-apps", "--disable-logging", "--buffer-size", "65535"),
        # It starts itself anew on SIGHUP, and without this outside the environment.
        *("--binary-path", sys.executable, "--module", WSGI),
    ]


def _make_granian_command(port: int, interface: str, app: str) -> list[str]:
    return [
        *(_find_program("granian"), "--interface", interface, "--host", HOST),
        *("--port", str(port), "--workers", "2", "--respawn-failed-workers"),
        *("--blocking-threads", "2" if interface == "wsgi" else "1"),
        *("--log-level", "warning", app),
    ]


def _make_granian_wsgi_command(port: int) -> list[str]:
    return _make_granian_command(port, "wsgi", WSGI)


def _make_granian_asgi_command(port: int) -> list[str]:
    return _make_granian_command(port, "asgi", ASGI)


def _make_waitress_command(port: int) -> list[str]:
    return [
        _find_program("waitress-serve"),
        f"--listen={HOST}:{port}",
        "--threads=4",
        WSGI,
    ]


@dataclass(frozen=True)
class Kind:
    """A server, and its abilities.

    Attributes:
        name: Its name in the results.
        command: Returns the command that serves on a port.
        keeps_alive: Whether connections stay open after an answer.
        has_master: Whether a process watches over the workers: it replaces one that is
            killed, and all of them on SIGHUP.
        workers: The number of workers.
    """

    name: str
    command: Callable[[int], list[str]]
    keeps_alive: bool = True
    has_master: bool = True
    workers: int = 2

    @property
    def is_installed(self) -> bool:
        """Whether it is installed."""
        return shutil.which(self.command(0)[0]) is not None


@dataclass(frozen=True)
class NotRun:
    """The result where a program is missing.

    Attributes:
        remedy: The command that installs the program.
    """

    remedy: str


KINDS = (
    Kind("gunicorn sync", _make_sync_command, keeps_alive=False),
    Kind("gunicorn gthread", _make_gthread_command),
    Kind("uWSGI", _make_uwsgi_command, keeps_alive=False),
    Kind("Granian WSGI", _make_granian_wsgi_command),
    Kind("waitress", _make_waitress_command, has_master=False, workers=1),
    Kind("gunicorn uvicorn", _make_uvicorn_command),
    Kind("Granian ASGI", _make_granian_asgi_command),
)


def prepare(place: Path) -> None:
    """Make empty databases and files for the callbacks to write to."""
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
        command: Returns the command that serves on a port.
        place: The directory that it writes to, prepared; several may share it.
        variables: Variables of its environment.
    """

    def __init__(
        self, command: Callable[[int], list[str]], place: Path, **variables: str
    ) -> None:
        port = reserve_port()
        variables = {**_make_variables(place), **variables}
        super().__init__(command(port), place, f"server-{port}", port, **variables)

    def start(self, **variables: str) -> None:
        """Start it, and wait until it listens.

        Args:
            variables: Variables of its environment, from now on.
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

    def list_workers(self) -> list[int]:
        """Return its processes that have recorded hits and still run."""
        group = self.pid
        return [pid for pid in list_recorders(self.place) if _is_in_group(pid, group)]


def list_recorders(place: Path) -> list[int]:
    """Return the processes that have recorded hits, in the order of their first."""
    with closing(sqlite3.connect(place / LEDGER, timeout=10)) as database:
        query = "SELECT pid FROM hits GROUP BY pid ORDER BY min(rowid)"
        return [pid for (pid,) in database.execute(query)]


def _make_variables(place: Path) -> dict[str, str]:
    return {
        # Python warns of files that are left open; the warnings are counted.
        "PYTHONWARNINGS": "error::ResourceWarning",
        "PTRACK_SECRET": SECRET,
        PLACE: str(place),
    }


def _is_in_group(pid: int, group: int) -> bool:
    try:
        return is_alive(pid) and os.getpgid(pid) == group
    except ProcessLookupError:
        return False
