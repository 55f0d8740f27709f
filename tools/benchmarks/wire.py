"""Requests per second on loopback: servers on one core, wrk on another."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tools.soak.processes import reserve_port

from .environments import OURS, PYTRACKING, THREE, WORKERS, Environment, make_environ
from .machine import pin

HOST = "127.0.0.1"
CONNECTIONS = 16
PATIENCE = 30
"""Seconds to wait for a server before it is taken for broken."""

TALLIED = 1000
"""Up to so many hits aren't written down yet: see ``workers/recording.py``."""

SECRET = "a-secret-of-the-benchmark-32byte"
"""The secret of ``workers/sample.py``, for the mirror, which has no settings."""

NGINX = """\
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen {host}:{port};
        location / {{ empty_gif; }}
    }}
}}
"""


class WireError(Exception):
    """A server doesn't do its job."""


@dataclass(frozen=True)
class App:
    """An app to serve.

    Attributes:
        side: The side whose environment it runs in.
        module: Its module.
        name: Its name in the module.
        factory: Whether that is a function that returns the app.
    """

    side: str
    module: str
    name: str = "application"
    factory: bool = False


APPS = {
    "bare": App(OURS, "bare"),
    "mirror": App(OURS, "ptrack.wsgi", "mirror", factory=True),
    "django": App(OURS, "ours_site"),
    THREE: App(THREE, "three_site"),
    PYTRACKING: App(PYTRACKING, "pytracking_site"),
}
ASGI_APPS = {
    "bare": App(OURS, "bare", "asgi_application"),
    "mirror": App(OURS, "ours_asgi"),
    "mirror_sync": App(OURS, "ptrack.asgi", "mirror", factory=True),
}


def make_granian_command(environment: Environment, app: App, port: int) -> list[str]:
    """Return the command that serves an app on Granian."""
    return _make_granian_command(environment, "wsgi", app, port)


def make_granian_asgi_command(
    environment: Environment, app: App, port: int
) -> list[str]:
    """Return the command that serves an ASGI app on Granian."""
    return _make_granian_command(environment, "asgi", app, port)


def _make_granian_command(
    environment: Environment, interface: str, app: App, port: int
) -> list[str]:
    return [
        *(
            environment.find_program("granian"),
            "--interface",
            interface,
            "--host",
            HOST,
        ),
        *("--port", str(port), "--workers", "1", "--runtime-threads", "1"),
        *("--blocking-threads", "1", "--log-level", "warning"),
        *(["--factory"] if app.factory else []),
        f"{app.module}:{app.name}",
    ]


def make_uvicorn_command(environment: Environment, app: App, port: int) -> list[str]:
    """Return the command that serves an ASGI app on uvicorn."""
    return [
        *(environment.find_program("uvicorn"), "--host", HOST, "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
        *(["--factory"] if app.factory else []),
        f"{app.module}:{app.name}",
    ]


def make_uwsgi_command(environment: Environment, app: App, port: int) -> list[str]:
    """Return the command that serves an app on uWSGI."""
    return [
        *(environment.find_program("uwsgi"), "--http-socket", f"{HOST}:{port}"),
        *("--processes", "1", "--disable-logging", "--need-app", "--die-on-term"),
        *("--module", f"{app.module}:{app.name}{'()' if app.factory else ''}"),
    ]


def make_gunicorn_command(environment: Environment, app: App, port: int) -> list[str]:
    """Return the command that serves an app on gunicorn."""
    return [
        *(environment.find_program("gunicorn"), "--bind", f"{HOST}:{port}"),
        *("--workers", "1", "--worker-class", "sync", "--log-level", "warning"),
        f"{app.module}:{app.name}{'()' if app.factory else ''}",
    ]


COMMANDS = {
    "granian": make_granian_command,
    "uwsgi": make_uwsgi_command,
    "gunicorn": make_gunicorn_command,
    "granian_asgi": make_granian_asgi_command,
    "uvicorn": make_uvicorn_command,
}
SERVERS = {
    "granian": APPS,
    "uwsgi": APPS,
    "gunicorn": APPS,
    "granian_asgi": ASGI_APPS,
    "uvicorn": ASGI_APPS,
}
"""The apps that each of them serves."""


class Server:
    """A server that runs until the block ends.

    Args:
        name: Its name in the results.
        command: The command that serves on the port.
        port: The port that it listens on.
        path: The path to request.
        place: The directory that it may write to.
        records: Whether it has to record hits, not only to answer them.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        port: int,
        path: str,
        place: Path,
        *,
        records: bool = True,
    ) -> None:
        self.name = name
        self._port, self._path, self._records = port, path, records
        self._tally = place / f"{name.replace('/', '-')}.tally"
        self._log = place / f"{name.replace('/', '-')}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                pin(0, command),
                cwd=WORKERS,
                env=make_environ(
                    PYTHONPATH=str(WORKERS),
                    PTRACK_SECRET=SECRET,
                    BENCH_TALLY=str(self._tally),
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own can be ended with all workers in it.
                start_new_session=True,
            )

    def __enter__(self) -> "Server":
        """Wait until it has answered and recorded a pixel."""
        try:
            self._wait()
            self._check()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End all its processes."""
        for kill in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, kill)
                self._process.wait(5)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.wait(5)

    def load(self, seconds: int) -> dict[str, float]:
        """Let wrk request the pixel for that long; return its numbers."""
        before = self._count()
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
        done = subprocess.run(
            pin(1, ["wrk", *options, f"http://{HOST}:{self._port}{self._path}"]),
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=True,
        )
        found = _parse(done.stdout)
        if found.pop("refused"):
            raise WireError(f"{self.name} answered errors:\n{done.stdout}")
        recorded = self._count() - before
        if self._records and recorded < found["requests"] - TALLIED:
            raise WireError(
                f"{self.name} recorded {recorded} hits of {found['requests']:.0f}"
            )
        return found

    def _count(self) -> int:
        # The file is empty from its creation to the first number.
        text = self._tally.read_text() if self._tally.exists() else ""
        return int(text or 0)

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self._port)) == 0:
                    return
            time.sleep(0.05)
        raise WireError(f"{self.name} doesn't listen:\n{self._log.read_text()}")

    def _check(self) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
        with closing(connection):
            connection.request("GET", self._path)
            response = connection.getresponse()
            body = response.read()
        if response.status != 200 or not body.startswith((b"GIF89a", b"\x89PNG")):
            log = self._log.read_text()
            raise WireError(f"{self.name} answers {response.status}, no image:\n{log}")
        deadline = time.monotonic() + PATIENCE
        while self._records and not self._count():
            if time.monotonic() > deadline:
                raise WireError(f"{self.name} doesn't record")
            time.sleep(0.05)


def measure(
    environments: Mapping[str, Environment],
    paths: Mapping[str, str],
    place: Path,
    rounds: int,
    seconds: int,
) -> dict[str, Any]:
    """Load all servers, in interleaved rounds.

    Args:
        environments: The environments, by side.
        paths: The path of a hit, by side.
        place: The directory that the servers may write to.
        rounds: How often each server is loaded.
        seconds: How long each time takes.

    Returns:
        Medians of requests per second, and of the latency's p50 and p99 in
        milliseconds, by ``server/app``.
    """
    found: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        # All at once: a server without requests sleeps.
        servers = [_make_nginx(place, paths[OURS])]
        stack.enter_context(servers[0])
        for kind, apps in SERVERS.items():
            for name, app in apps.items():
                port = reserve_port()
                command = COMMANDS[kind](environments[app.side], app, port)
                server = Server(f"{kind}/{name}", command, port, paths[app.side], place)
                servers.append(stack.enter_context(server))
        for number in range(rounds):
            for server in servers if number % 2 else reversed(servers):
                found.setdefault(server.name, []).append(server.load(seconds))
    return {server.name: _summarise(found[server.name]) for server in servers}


def _make_nginx(place: Path, path: str) -> Server:
    port = reserve_port()
    config = place / "nginx.conf"
    config.write_text(NGINX.format(place=place, host=HOST, port=port))
    command = ["nginx", "-c", str(config), "-p", str(place)]
    return Server("nginx", command, port, path, place, records=False)


def _summarise(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {
        key: round(median(each[key] for each in rounds), 3)
        for key in ("requests_per_second", "p50", "p99", "socket_errors")
    }


def _parse(output: str) -> dict[str, float]:
    """Read the output of wrk; latencies are in milliseconds."""

    def read(pattern: str) -> float:
        found = re.search(pattern, output)
        return float(found[1]) if found else 0

    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    return {
        "requests": read(r"(\d+) requests in"),
        "requests_per_second": read(r"Requests/sec:\s+([\d.]+)"),
        "p50": _read_latency(output, 50),
        "p99": _read_latency(output, 99),
        "refused": read(r"Non-2xx or 3xx responses: (\d+)"),
        "socket_errors": sum(map(int, errors.groups())) if errors else 0,
    }


def _read_latency(output: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", output, re.MULTILINE)
    if found is None:
        raise WireError(f"wrk gave no latency:\n{output}")
    return float(found[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[found[2]]
