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
from tools.soak.postgresql import run_postgresql
from tools.soak.processes import HOST, reserve_port, wait_until
from tools.soak.served.lingering import DONE, LINGER, READY
from tools.soak.servers import SECRET
from tools.soak.service import Announcer, Listener
from tools.soak.services import Redis

from . import files

VISIBILITY = 5
"""Seconds until another worker gets the jobs of a dead one: `docs/deployment.md`."""

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
"""The part of Debian's nginx.conf that includes the files of conf.d."""

RETRY = "proxy_next_upstream error timeout http_502 http_503;"


class Worker(Announcer):
    """A worker, started as by its unit."""

    sign = READY


@dataclass(frozen=True)
class Stage:
    """The running deployment.

    Attributes:
        place: The directory that all of it writes to.
        nginx: The server in front.
        database: The database of the rows.
        redis: The broker of the jobs.
        mirrors: The two mirrors.
        workers: The two workers.
        lingers: Files; while one exists, the first mirror or the first worker lingers.
        variables: The variables that all processes have.
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
        """The port of nginx."""
        return self.nginx.port

    @property
    def context(self) -> ssl.SSLContext:
        """A context that trusts nginx's certificate."""
        return ssl.create_default_context(cafile=str(self.place / "track.pem"))

    @property
    def log(self) -> Path:
        """The log of nginx."""
        return self.place / LOG

    @contextmanager
    def linger(self, name: str) -> Iterator[None]:
        """Have the first ``"mirror"`` or ``"worker"`` linger."""
        self.lingers[name].touch()
        try:
            yield
        finally:
            self.lingers[name].unlink(missing_ok=True)

    def is_idle(self) -> bool:
        """Return whether no job waits, and none is held."""
        return not self.redis.count_queued() and not self.redis.count_held()

    def settle(self) -> None:
        """Wait until all jobs are done."""
        # For a moment a job is neither in the queue nor held by a worker.
        wait_until(self._stays_idle, PATIENCE, "jobs are left")

    def _stays_idle(self) -> bool:
        for _ in range(20):
            if not self.is_idle():
                return False
            time.sleep(0.05)
        return True


@contextmanager
def run_stage(
    place: Path,
    *,
    retries: bool = True,
    background: bool = True,
    options: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """Run the deployment until the end of the block.

    Args:
        place: The directory that it writes to.
        retries: Whether nginx asks the other mirror, as in the recipe.
        background: Whether mirrors hand hits over; else they record in the request.
        options: Options of PostgreSQL.
    """
    with ExitStack() as stack:
        start = stack.enter_context
        database = start(run_postgresql(None, **(options or {})))
        redis = start(Redis(place))
        names = ("mirror", "worker", "none")
        lingers = {name: place / f"linger-{name}" for name in names}
        variables = _make_variables(database, redis, place)

        def add_file(name: str) -> dict[str, str]:
            return {**variables, LINGER: str(lingers[name])}

        manage("migrate", "--verbosity", "0", **variables)
        workers = (
            start(_make_worker(place, "worker-1", **add_file("worker"))),
            start(_make_worker(place, "worker-2", **add_file("none"))),
        )
        # The order of a deployment: workers start before the mirrors.
        left_out = () if background else ("REDIS_URL",)
        mirrors = (
            start(_make_gunicorn(place, **_leave_out(add_file("mirror"), left_out))),
            start(_make_granian(place, **_leave_out(add_file("none"), left_out))),
        )
        nginx = start(_make_nginx(place, mirrors, retries))
        yield Stage(place, nginx, database, redis, mirrors, workers, lingers, variables)


def _leave_out(variables: dict[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


def _make_variables(database: PostgreSQL, redis: Redis, place: Path) -> dict[str, str]:
    """Return the variables of recording.env, for one machine."""
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
    """Run a command of the recording project."""
    subprocess.run(
        [sys.executable, str(files.FILES / "manage.py"), *command],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=PATIENCE,
    )


def _make_gunicorn(place: Path, **variables: str) -> Listener:
    port = reserve_port()
    changes = {
        "0.0.0.0:8000": f"{HOST}:{port}",
        # The same app, which lingers when it is told to.
        "recording.wsgi:application": "tools.soak.served.lingering:application",
    }
    command = files.read_command("systemd/ptrack-mirror.service", changes)
    return Listener(command, place, "mirror-1", port, **variables)


def _make_granian(place: Path, **variables: str) -> Listener:
    port = reserve_port()
    changes = {"0.0.0.0": HOST, "8000": str(port)}
    command = files.read_command("systemd/ptrack-mirror-granian.service", changes)
    return Listener(command, place, "mirror-2", port, **variables)


def _make_worker(place: Path, name: str, **variables: str) -> Worker:
    command = [
        *files.read_command("systemd/ptrack-worker.service"),
        *(
            "--include",
            "tools.soak.served.lingering",
            "--hostname",
            f"{name}@localhost",
        ),
    ]
    return Worker(command, place, name, **variables)


def _make_nginx(place: Path, mirrors: Sequence[Listener], retries: bool) -> Listener:
    port = reserve_port()
    make_certificate(place)
    changes = {
        "listen 443": f"listen {HOST}:{port}",
        "10.0.0.11:8000": f"{HOST}:{mirrors[0].port}",
        "10.0.0.12:8000": f"{HOST}:{mirrors[1].port}",
        "/etc/ssl/track.example.com.pem": f"{place}/track.pem",
        "/etc/ssl/private/track.example.com.key": f"{place}/track.key",
        "/var/log/nginx/ptrack.": f"{place}/",
        **({} if retries else {RETRY: "proxy_next_upstream off;"}),
    }
    (place / "mirrors.conf").write_text(
        files.replace_parts("nginx/mirrors.conf", changes)
    )
    user = "root" if os.geteuid() == 0 else "nobody"
    (place / "nginx.conf").write_text(MAIN.format(place=place, user=user))
    command = ["nginx", "-c", str(place / "nginx.conf"), "-p", str(place)]
    return Listener(command, place, "nginx", port)


def make_certificate(place: Path) -> None:
    """Make a certificate for this machine, and its key."""
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
def _make_sender() -> PtrackWSGIMiddleware:
    return PtrackWSGIMiddleware(None, secret=SECRET, app_url=APP, prefix="/ptrack/")


def find_path(number: int) -> tuple[str, str | None]:
    """Return the path of a hit, and the target of a link, which one in ten is."""
    if number % 10:
        url, target = _make_sender().pixel_url("news", recipient=number), None
    else:
        url, target = _make_sender().link_url(TARGET, "news", recipient=number), TARGET
    return url.removeprefix(APP), target
