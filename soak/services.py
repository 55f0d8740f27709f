"""Real services on loopback: Redis, workers of Celery, of Django's Tasks and of RQ.

Each runs until its block ends, in a process group of its own that ends with it.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

from soak.processes import HOST, SoakError, free_port, is_alive, wait_until

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30
"""Seconds to wait for a service before it is taken for broken."""

REQUIRE = "PTRACK_REQUIRE_SERVICES"
"""The environment variable that makes a missing service a failure."""

REMEDY = "apt-get install redis-server"


def has_redis() -> bool:
    """Tell whether Redis is installed."""
    return shutil.which("redis-server") is not None


class Service:
    """A process that runs until the block ends, with what it starts.

    Args:
        command: Starts it.
        place: A directory, where it runs and its output is kept.
        name: Of the file with its output.
        variables: Of its environment.
    """

    def __init__(
        self, command: Sequence[str], place: Path, name: str, **variables: str
    ) -> None:
        self.place = place
        self._command = list(command)
        self._variables = variables
        self._output = place / f"{name}.output"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Any:
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
                env=_environment(**self._variables),
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
        os.killpg(process.pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
        finally:
            _kill_group(process.pid)

    def kill(self) -> None:
        """Kill it and all that it has started, at once (SIGKILL)."""
        process, self._process = self._process, None
        if process is not None:
            _kill_group(process.pid)
            process.wait(PATIENCE)

    def freeze(self) -> None:
        """Let it do nothing until it is thawed; connections to it come about."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with what was sent to it meanwhile."""
        os.killpg(self.pid, signal.SIGCONT)

    def children(self) -> list[int]:
        """Give the processes that it has started, without theirs."""
        return _children(self.pid)

    def output(self) -> str:
        """Give what it has written so far, in all its lives."""
        if not self._output.exists():
            return ""
        return self._output.read_text(errors="replace")


class Redis(Service):
    """Debian's Redis on a free port, with a log of all that it was told.

    Args:
        place: A directory for its data.
        fsync: ``appendfsync``: with ``"always"``, what it has acknowledged survives
            ``kill -9`` and the machine's end.
    """

    def __init__(self, place: Path, fsync: str = "always") -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        command = (
            *("redis-server", "--bind", HOST, "--port", str(self.port)),
            *("--dir", str(place), "--save", "", "--appendonly", "yes"),
            *("--appendfsync", fsync, "--maxmemory-policy", "noeviction"),
        )
        super().__init__(command, place, "redis")

    def is_ready(self, told: int) -> bool:
        """Tell whether it answers, with all its data loaded."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> Any:
        """Give a client, to be closed."""
        return redis.Redis(HOST, self.port, socket_timeout=PATIENCE)

    def queued(self, queue: str = "celery") -> int:
        """Give how many jobs wait in a queue of Celery's."""
        with self.client() as client:
            return int(client.llen(queue))

    def unfinished(self) -> int:
        """Give how many jobs workers of Celery hold and haven't acknowledged."""
        with self.client() as client:
            return int(client.hlen("unacked"))

    def limit(self, spare: int | None) -> None:
        """Allow it only so many bytes more than it has; ``None`` for any number."""
        with self.client() as client:
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory", 0 if spare is None else used + spare)


class CeleryWorker(Service):
    """A worker of a Celery app.

    Args:
        app: Where the app is.
        place: A directory for its output.
        name: Of the worker; two in one place need two.
        pool: ``"prefork"``, ``"threads"`` or ``"solo"``.
        concurrency: Jobs that it does at a time.
        loglevel: What it logs.
        variables: Of its environment.
    """

    def __init__(
        self,
        app: str,
        place: Path,
        name: str = "worker",
        pool: str = "prefork",
        concurrency: str = "2",
        loglevel: str = "INFO",
        **variables: str,
    ) -> None:
        command = (
            *(sys.executable, "-m", "celery", "-A", app, "worker", "--pool", pool),
            *("--concurrency", concurrency, "--loglevel", loglevel),
            # Other workers, that it would wait for: there are none.
            *(
                "--without-mingle",
                "--without-gossip",
                "--hostname",
                f"{name}@localhost",
            ),
        )
        super().__init__(command, place, name, **variables)

    def is_ready(self, told: int) -> bool:
        """Tell whether it takes jobs."""
        return " ready." in self.output()[told:]

    def kill_child(self) -> int:
        """Kill one of the processes that do jobs; give its number."""
        victim = self.children()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not is_alive(victim), PATIENCE, "it doesn't die")
        return victim


class DatabaseWorker(Service):
    """A worker of django-tasks-db: ``manage.py db_worker``.

    Args:
        settings: The module of the site's settings.
        place: A directory for its output.
        name: Of the file with that.
        variables: Of its environment.
    """

    def __init__(
        self, settings: str, place: Path, name: str = "db_worker", **variables: str
    ) -> None:
        command = (
            *(sys.executable, "-m", "django", "db_worker", "--interval", "0.1"),
            *("--no-startup-delay", "--verbosity", "3"),
        )
        super().__init__(
            command, place, name, DJANGO_SETTINGS_MODULE=settings, **variables
        )

    def is_ready(self, told: int) -> bool:
        """Tell whether it takes jobs."""
        return "Starting worker" in self.output()[told:]


def _environment(**variables: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PTRACK_", "PYTHON", "DJANGO_", "CELERY_"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        # As root it only warns, and nothing here is worth that.
        "C_FORCE_ROOT": "1",
        **variables,
    }


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return sorted(found)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
