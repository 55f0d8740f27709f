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

from tools.soak.processes import free_port

from .environments import OURS, PYTRACKING, THREE, WORKERS, Environment, clean_environ
from .machine import pinned

HOST = "127.0.0.1"
CONNECTIONS = 16
PATIENCE = 30
"""Seconds to wait for a server before it is taken for broken."""

TALLIED = 1000
"""Up to that many hits aren't written down yet: see ``workers/recording.py``."""

SECRET = "a-secret-of-the-benchmark-32byte"
"""The one of ``workers/sample.py``, for the mirror, which has no settings."""

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
    """What is served.

    Attributes:
        side: Whose environment it runs in.
        module: Where it is.
        name: The name in there.
        factory: That is a function that gives the app.
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


def granian(environment: Environment, app: App, port: int) -> list[str]:
    """Give the command that serves an app on Granian."""
    return _granian(environment, "wsgi", app, port)


def granian_asgi(environment: Environment, app: App, port: int) -> list[str]:
    """Give the command that serves an ASGI app on Granian."""
    return _granian(environment, "asgi", app, port)


def _granian(
    environment: Environment, interface: str, app: App, port: int
) -> list[str]:
    return [
        *(environment.program("granian"), "--interface", interface, "--host", HOST),
        *("--port", str(port), "--workers", "1", "--runtime-threads", "1"),
        *("--blocking-threads", "1", "--log-level", "warning"),
        *(["--factory"] if app.factory else []),
        f"{app.module}:{app.name}",
    ]


def uvicorn(environment: Environment, app: App, port: int) -> list[str]:
    """Give the command that serves an ASGI app on uvicorn."""
    return [
        *(environment.program("uvicorn"), "--host", HOST, "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
        *(["--factory"] if app.factory else []),
        f"{app.module}:{app.name}",
    ]


def uwsgi(environment: Environment, app: App, port: int) -> list[str]:
    """Give the command that serves an app on uWSGI."""
    return [
        *(environment.program("uwsgi"), "--http-socket", f"{HOST}:{port}"),
        *("--processes", "1", "--disable-logging", "--need-app", "--die-on-term"),
        *("--module", f"{app.module}:{app.name}{'()' if app.factory else ''}"),
    ]


def gunicorn(environment: Environment, app: App, port: int) -> list[str]:
    """Give the command that serves an app on gunicorn."""
    return [
        *(environment.program("gunicorn"), "--bind", f"{HOST}:{port}"),
        *("--workers", "1", "--worker-class", "sync", "--log-level", "warning"),
        f"{app.module}:{app.name}{'()' if app.factory else ''}",
    ]


COMMANDS = {
    "granian": granian,
    "uwsgi": uwsgi,
    "gunicorn": gunicorn,
    "granian_asgi": granian_asgi,
    "uvicorn": uvicorn,
}
SERVERS = {
    "granian": APPS,
    "uwsgi": APPS,
    "gunicorn": APPS,
    "granian_asgi": ASGI_APPS,
    "uvicorn": ASGI_APPS,
}
"""What each of them serves."""


class Server:
    """A server that runs until the block ends.

    Args:
        name: What it is called in the results.
        command: Serves on the port.
        port: Where it listens.
        path: What is to be requested.
        place: Where it may write.
        records: It is to record hits, not only to answer them.
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
                pinned(0, command),
                cwd=WORKERS,
                env=clean_environ(
                    PYTHONPATH=str(WORKERS),
                    PTRACK_SECRET=SECRET,
                    BENCH_TALLY=str(self._tally),
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
                # Of its own group, to be ended with all its workers.
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
        """Let wrk request the pixel for that long; give what it found."""
        before = self._recorded()
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
        done = subprocess.run(
            pinned(1, ["wrk", *options, f"http://{HOST}:{self._port}{self._path}"]),
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=True,
        )
        found = _parsed(done.stdout)
        if found.pop("refused"):
            raise WireError(f"{self.name} answered errors:\n{done.stdout}")
        recorded = self._recorded() - before
        if self._records and recorded < found["requests"] - TALLIED:
            raise WireError(
                f"{self.name} recorded {recorded} hits of {found['requests']:.0f}"
            )
        return found

    def _recorded(self) -> int:
        # Read while it is written, it may be empty for a moment.
        for _ in range(100):
            text = self._tally.read_text() if self._tally.exists() else "0"
            if text:
                return int(text)
            time.sleep(0.01)
        raise WireError(f"{self.name} doesn't tell what it recorded")

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
        while self._records and not self._recorded():
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
        environments: By side.
        paths: That of a hit, by side.
        place: Where the servers may write.
        rounds: How many times each is loaded.
        seconds: How long each of those takes.

    Returns:
        Medians of requests per second, and of the latency's p50 and p99 in
        milliseconds, by ``server/app``.
    """
    found: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        # All at once: one that isn't asked sleeps.
        servers = [_nginx(place, paths[OURS])]
        stack.enter_context(servers[0])
        for kind, apps in SERVERS.items():
            for name, app in apps.items():
                port = free_port()
                command = COMMANDS[kind](environments[app.side], app, port)
                server = Server(f"{kind}/{name}", command, port, paths[app.side], place)
                servers.append(stack.enter_context(server))
        for number in range(rounds):
            for server in servers if number % 2 else reversed(servers):
                found.setdefault(server.name, []).append(server.load(seconds))
    return {server.name: _median(found[server.name]) for server in servers}


def _nginx(place: Path, path: str) -> Server:
    port = free_port()
    config = place / "nginx.conf"
    config.write_text(NGINX.format(place=place, host=HOST, port=port))
    command = ["nginx", "-c", str(config), "-p", str(place)]
    return Server("nginx", command, port, path, place, records=False)


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {
        key: round(median(each[key] for each in rounds), 3)
        for key in ("requests_per_second", "p50", "p99", "socket_errors")
    }


def _parsed(output: str) -> dict[str, float]:
    """Take what wrk prints apart; latencies in milliseconds."""

    def number(pattern: str) -> float:
        found = re.search(pattern, output)
        return float(found[1]) if found else 0

    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    return {
        "requests": number(r"(\d+) requests in"),
        "requests_per_second": number(r"Requests/sec:\s+([\d.]+)"),
        "p50": _milliseconds(output, 50),
        "p99": _milliseconds(output, 99),
        "refused": number(r"Non-2xx or 3xx responses: (\d+)"),
        "socket_errors": sum(map(int, errors.groups())) if errors else 0,
    }


def _milliseconds(output: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", output, re.MULTILINE)
    if found is None:
        raise WireError(f"wrk gave no latency:\n{output}")
    return float(found[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[found[2]]
