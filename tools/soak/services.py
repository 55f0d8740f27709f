"""Real services on loopback: Redis, and the workers of Celery and of Django's Tasks."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import redis

from .processes import HOST, free_port, is_alive, wait_until
from .service import PATIENCE, Announcer, Service

REMEDY = "apt-get install redis-server"


SOCKET = "redis.sock"


def has_redis() -> bool:
    """Tell whether Redis is installed."""
    return shutil.which("redis-server") is not None


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
            # By its name in the directory: a whole path may be too long for one.
            *("--unixsocket", SOCKET),
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


class CeleryWorker(Announcer):
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
            # Other workers, that it would wait for: there are none.
            *(
                "--without-mingle",
                "--without-gossip",
                "--hostname",
                f"{name}@localhost",
            ),
        )
        super().__init__(command, place, name, **variables)

    def kill_child(self) -> int:
        """Kill one of the processes that do jobs; give its number."""
        victim = self.children()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not is_alive(victim), PATIENCE, "it doesn't die")
        return victim


class DatabaseWorker(Announcer):
    """A worker of django-tasks-db: ``manage.py db_worker``.

    Args:
        settings: The module of the site's settings.
        place: A directory for its output.
        name: Of the file with that.
        variables: Of its environment.
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
