"""Fresh interpreters and real servers, for tests that one process can't run."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.soak.processes import reserve_port as reserve_port

ROOT = Path(__file__).parent.parent
# WebOb imports "cgi", and brings its own where Python no longer has it.
WARNINGS = ("-W", "error", "-W", "ignore:'cgi' is deprecated:DeprecationWarning")
PATIENCE = 30
"""Seconds to wait for a process before it counts as broken."""


def make_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without the settings of Django and ptrack."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "DJANGO_SETTINGS_MODULE" and not name.startswith("PTRACK_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def run_python(code: str, cwd: Path = ROOT, **variables: str) -> str:
    """Run code in a fresh interpreter with warnings as errors; return its output."""
    done = subprocess.run(
        [sys.executable, *WARNINGS, "-c", code],
        cwd=cwd,
        env=make_environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def run_server(
    *command: str, port: int, cwd: Path, **variables: str
) -> Iterator[list[str]]:
    """Run a server until the block ends, and wait until it listens.

    Yields:
        A list with the lines that it has printed, once it has ended.
    """
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=make_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        printed: list[str] = []
        try:
            _wait_for(port, process)
            yield printed
        finally:
            output = _end(process)
            printed += output.splitlines()
            assert "Traceback" not in output, output


def _end(process: subprocess.Popen[str]) -> str:
    """End a server; return the output of it and of all that it has started."""
    process.terminate()
    try:
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        # Processes that don't end; the test fails then.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server doesn't listen")


def fetch(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Send a request; return status, headers and body. Redirects are not followed.

    The names of the headers are written like ``Content-Type``.
    """

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            return response.status, _capitalise(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _capitalise(error.headers), error.read()


def _capitalise(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.title(): value for name, value in headers.items()}
