"""Real services on loopback: Redis, and the workers of Celery and of Django's Tasks."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import redis

from .processes import HOST, is_alive, reserve_port, wait_until
from .service import PATIENCE, Announcer, Service

REMEDY = "apt-get install redis-server"


SOCKET = "redis.sock"


def has_redis() -> bool:
    """Return whether Redis is installed."""
    return shutil.which("redis-server") is not None


class Redis(Service):
    """Debian's Redis on a free port, with a log of all commands.

    Args:
        place: The directory of its data.
        fsync: ``appendfsync``: with ``"always"``, all that it has acknowledged survives
            ``kill -9`` and the end of the machine.
    """

    def __init__(self, place: Path, fsync: str = "always") -> None:
        self.port = reserve_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        command = (
            *("redis-server", "--bind", HOST, "--port", str(self.port)),
            *("--dir", str(place), "--save", "", "--appendonly", "yes"),
            *("--appendfsync", fsync, "--maxmemory-policy", "noeviction"),
            # A name in the directory: a whole path may be too long for a socket.
            *("--unixsocket", SOCKET),
        )
        super().__init__(command, place, "redis")

    def is_ready(self, told: int) -> bool:
        """Return whether it answers, with all its data loaded."""
        try:
            with self.connect() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def connect(self) -> Any:
        """Return a client; close it after use."""
        return redis.Redis(HOST, self.port, socket_timeout=PATIENCE)

    def count_queued(self, queue: str = "celery") -> int:
        """Return how many jobs wait in a queue of Celery's."""
        with self.connect() as client:
            return int(client.llen(queue))

    def count_held(self) -> int:
        """Return how many jobs workers of Celery hold and haven't acknowledged."""
        with self.connect() as client:
            return int(client.hlen("unacked"))

    def limit(self, spare: int | None) -> None:
        """Allow it only so many bytes more than it has; ``None`` for any number."""
        with self.connect() as client:
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory", 0 if spare is None else used + spare)


class CeleryWorker(Announcer):
    """A worker of a Celery app.

    Args:
        app: The path of the app.
        place: The directory of its output.
        name: The name of the worker; two in one place need two.
        pool: ``"prefork"``, ``"threads"`` or ``"solo"``.
        concurrency: How many jobs it does at a time.
        loglevel: The lowest level that it logs.
        variables: Variables of its environment.
    """

    sign = " ready."

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
            # It would wait for other workers, and there are none.
            *(
                "--without-mingle",
                "--without-gossip",
                "--hostname",
                f"{name}@localhost",
            ),
        )
        super().__init__(command, place, name, **variables)

    def kill_child(self) -> int:
        """Kill one of the processes that do jobs; return its id."""
        victim = self.list_children()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not is_alive(victim), PATIENCE, "it doesn't die")
        return victim


class DatabaseWorker(Announcer):
    """A worker of django-tasks-db: ``manage.py db_worker``.

    Args:
        settings: The module of the site's settings.
        place: The directory of its output.
        name: The name of the file with that.
        variables: Variables of its environment.
    """

    sign = "Starting worker"

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
