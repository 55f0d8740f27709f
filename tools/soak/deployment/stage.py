"""All of it on one machine: nginx, two mirrors, Redis, two workers, PostgreSQL."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ptrack.wsgi import PtrackWSGIMiddleware
from tools.soak.places import ROOT
from tools.soak.postgresql import Server as PostgreSQL
from tools.soak.postgresql import postgresql
from tools.soak.processes import HOST, free_port, wait_until
from tools.soak.served.lingering import DONE, LINGER, READY
from tools.soak.servers import SECRET
from tools.soak.service import Announcer, Listener
from tools.soak.services import Redis

from . import files

VISIBILITY = 5
"""Seconds until what a dead worker held is given to another: `docs/deployment.md`."""

LOG = "access.log"
PATIENCE = 60
MAIN = """\
daemon off;
user {user};
pid {place}/nginx.pid;
error_log {place}/nginx.error.log warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/mirrors.conf;
}}
"""
"""What Debian's nginx.conf does: it includes what is in conf.d."""

RETRY = "proxy_next_upstream error timeout http_502 http_503;"


class Worker(Announcer):
    """A worker, started as its unit does."""

    sign = READY


@dataclass(frozen=True)
class Stage:
    """What runs.

    Attributes:
        place: Where all of it writes.
        nginx: In front.
        database: The rows are in it.
        redis: Brings the jobs.
        mirrors: The two.
        workers: The two.
        lingers: Files; while one exists, the first mirror or the first worker lingers.
        variables: What all of it has in its environment.
    """

    place: Path
    nginx: Listener
    database: PostgreSQL
    redis: Redis
    mirrors: tuple[Listener, Listener]
    workers: tuple[Worker, Worker]
    lingers: dict[str, Path]
    variables: dict[str, str]

    @property
    def port(self) -> int:
        """Nginx's."""
        return self.nginx.port

    @property
    def context(self) -> ssl.SSLContext:
        """It trusts nginx's certificate."""
        return ssl.create_default_context(cafile=str(self.place / "track.pem"))

    @property
    def log(self) -> Path:
        """Nginx's."""
        return self.place / LOG

    @contextmanager
    def lingering(self, who: str) -> Iterator[None]:
        """Have the first mirror or the first worker linger."""
        self.lingers[who].touch()
        try:
            yield
        finally:
            self.lingers[who].unlink(missing_ok=True)

    def is_idle(self) -> bool:
        """Tell whether no job waits, and none is held."""
        return not self.redis.queued() and not self.redis.unfinished()

    def settle(self) -> None:
        """Wait until all jobs are done."""
        # Between the queue and those that are held, a job is in neither for a moment.
        wait_until(self._stays_idle, PATIENCE, "jobs are left")

    def _stays_idle(self) -> bool:
        for _ in range(20):
            if not self.is_idle():
                return False
            time.sleep(0.05)
        return True


@contextmanager
def stage(
    place: Path,
    *,
    retries: bool = True,
    background: bool = True,
    options: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """Run all of it until the end of the block.

    Args:
        place: Where it writes.
        retries: nginx asks the other mirror, as the recipe has it.
        background: Mirrors hand hits over; else they record in the request.
        options: Of PostgreSQL.
    """
    with ExitStack() as stack:
        start = stack.enter_context
        database = start(postgresql(None, **(options or {})))
        redis = start(Redis(place))
        lingers = {who: place / f"linger-{who}" for who in ("mirror", "worker", "none")}
        variables = _variables(database, redis, place)

        def lingering(who: str) -> dict[str, str]:
            return {**variables, LINGER: str(lingers[who])}

        manage("migrate", "--verbosity", "0", **variables)
        workers = (
            start(_worker(place, "worker-1", **lingering("worker"))),
            start(_worker(place, "worker-2", **lingering("none"))),
        )
        # The order of a deployment: those who take jobs come before those who send.
        left_out = () if background else ("REDIS_URL",)
        mirrors = (
            start(_gunicorn(place, **_without(lingering("mirror"), left_out))),
            start(_granian(place, **_without(lingering("none"), left_out))),
        )
        nginx = start(_nginx(place, mirrors, retries))
        yield Stage(place, nginx, database, redis, mirrors, workers, lingers, variables)


def _without(variables: dict[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


def _variables(database: PostgreSQL, redis: Redis, place: Path) -> dict[str, str]:
    """Give what recording.env holds, for one machine."""
    return {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{files.FILES}",
        "DJANGO_SETTINGS_MODULE": "recording.settings",
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
        "REDIS_URL": redis.url,
        "PTRACK_SECRET": SECRET,
        "PTRACK_TRUSTED_PROXIES": HOST,
        "VISIBILITY_TIMEOUT": str(VISIBILITY),
        DONE: str(place / "done"),
    }


def manage(*command: str, **variables: str) -> None:
    """Run a command of the project that records."""
    subprocess.run(
        [sys.executable, str(files.FILES / "manage.py"), *command],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=PATIENCE,
    )


def _gunicorn(place: Path, **variables: str) -> Listener:
    port = free_port()
    changes = {
        "0.0.0.0:8000": f"{HOST}:{port}",
        # The same app, which lingers when it is told to.
        "recording.wsgi:application": "tools.soak.served.lingering:application",
    }
    command = files.command("systemd/ptrack-mirror.service", changes)
    return Listener(command, place, "mirror-1", port, **variables)


def _granian(place: Path, **variables: str) -> Listener:
    port = free_port()
    changes = {"0.0.0.0": HOST, "8000": str(port)}
    command = files.command("systemd/ptrack-mirror-granian.service", changes)
    return Listener(command, place, "mirror-2", port, **variables)


def _worker(place: Path, name: str, **variables: str) -> Worker:
    command = [
        *files.command("systemd/ptrack-worker.service"),
        *("--include", "tools.soak.served.lingering", "--hostname", f"{name}@localhost"),
    ]
    return Worker(command, place, name, **variables)


def _nginx(place: Path, mirrors: Sequence[Listener], retries: bool) -> Listener:
    port = free_port()
    certificate(place)
    changes = {
        "listen 443": f"listen {HOST}:{port}",
        "10.0.0.11:8000": f"{HOST}:{mirrors[0].port}",
        "10.0.0.12:8000": f"{HOST}:{mirrors[1].port}",
        "/etc/ssl/track.example.com.pem": f"{place}/track.pem",
        "/etc/ssl/private/track.example.com.key": f"{place}/track.key",
        "/var/log/nginx/ptrack.": f"{place}/",
        **({} if retries else {RETRY: "proxy_next_upstream off;"}),
    }
    (place / "mirrors.conf").write_text(files.replaced("nginx/mirrors.conf", changes))
    user = "root" if os.geteuid() == 0 else "nobody"
    (place / "nginx.conf").write_text(MAIN.format(place=place, user=user))
    command = ["nginx", "-c", str(place / "nginx.conf"), "-p", str(place)]
    return Listener(command, place, "nginx", port)


def certificate(place: Path) -> None:
    """Make one for this machine, and its key."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", f"subjectAltName=IP:{HOST}"),
            *("-keyout", str(place / "track.key"), "-out", str(place / "track.pem")),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


TARGET = "https://shop.example/offer"
APP = "https://track.example.com"


@cache
def _sender() -> PtrackWSGIMiddleware:
    return PtrackWSGIMiddleware(None, SECRET, app_url=APP, prefix="/ptrack/")


def path_of(number: int) -> tuple[str, str | None]:
    """Give the path of a hit, one in ten of a link, and where that leads."""
    if number % 10:
        url, target = _sender().pixel_url("news", recipient=number), None
    else:
        url, target = _sender().link_url(TARGET, "news", recipient=number), TARGET
    return url.removeprefix(APP), target
