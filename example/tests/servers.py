"""Running the demo and the other examples as the processes that a reader starts."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import (
    HTTPCookieProcessor,
    HTTPErrorProcessor,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from tests.processes import ROOT, reserve_port

EXAMPLE = Path(__file__).resolve().parents[1]
SECRET = "the secret of the examples' test"
PATIENCE = 30.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


# -- processes ------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: Its URL, without a path.
        log: The file with its output.
        process: Its process.
    """

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def read_output(self) -> str:
        """Return the output so far."""
        return self.log.read_text(encoding="utf-8")

    def wait_for_output(self, text: str) -> str:
        """Wait for a line that contains the text; return the line."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.read_output().splitlines():
                if text in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"{text!r} was not written:\n{self.read_output()}")


def make_environment(**variables: str) -> dict[str, str]:
    """Return the environment of an example.

    It is this process's, without the variables of the test settings and of make.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "DJANGO_SETTINGS_MODULE"
        and not name.startswith(("PTRACK_", "DEMO_", "MAKE", "MFLAGS"))
    }
    return {
        **inherited,
        "PTRACK_SECRET": SECRET,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }


@contextmanager
def run_server(
    *command: str, port: int, log: Path, **variables: str
) -> Iterator[Server]:
    """Run a server until the block ends.

    Args:
        command: The arguments of Python.
        port: The port that the server listens on.
        log: The file for its output.
        variables: Variables of its environment.
    """
    env = make_environment(PORT=str(port), **variables)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_for_port(process, port, log)
            yield Server(f"http://127.0.0.1:{port}", log, process)
        finally:
            _end(process)


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


MANAGE = str(EXAMPLE / "manage.py")


def manage(directory: Path, *arguments: str) -> str:
    """Run a management command of the demo in a directory; return its output."""
    return subprocess.run(
        [sys.executable, "-W", "error", MANAGE, *arguments],
        check=True,
        capture_output=True,
        env=make_environment(DEMO_VAR=str(directory)),
        text=True,
        timeout=PATIENCE * 2,
    ).stdout


@contextmanager
def run_demo(directory: Path, *, sample: bool = False) -> Iterator[Server]:
    """Run the demo in a directory, with the command that ``make demo`` runs.

    Args:
        directory: The directory of its database and its mails.
        sample: Let it add its sample, as it does for a newcomer.
    """
    port = reserve_port()
    with run_server(
        MANAGE,
        "serve",
        *([] if sample else ["--no-sample"]),
        port=port,
        log=directory / "server.log",
        DEMO_VAR=str(directory),
    ) as server:
        yield server


# -- a client -------------------------------------------------------------------------


class Page(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: HTTPMessage
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode()


class _KeepErrors(HTTPErrorProcessor):
    """Returns responses of 400 and above; redirects are still followed."""

    def http_response(self, request: Any, response: Any) -> Any:
        if response.status >= 400:
            return response
        return super().http_response(request, response)


def _make_opener() -> OpenerDirector:
    # No proxy, even if the environment has one: the server is on this machine.
    return build_opener(
        ProxyHandler({}), HTTPCookieProcessor(CookieJar()), _KeepErrors()
    )


@dataclass(frozen=True)
class Client:
    """A small browser: cookies, redirects and forms.

    Attributes:
        base: The URL that paths are added to.
        user_agent: Its user agent.
        headers: Its other headers.
    """

    base: str
    user_agent: str = BROWSER
    headers: dict[str, str] = field(default_factory=dict)
    opener: OpenerDirector = field(default_factory=_make_opener)

    def get(self, path: str) -> Page:
        """Request a path, or a whole URL."""
        return self._open(path, None)

    def submit(self, path: str, **fields: str) -> Page:
        """Fill in the form of a page and send it, with its CSRF token."""
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text
        )
        assert found, f"{path} has no form"
        data = {"csrfmiddlewaretoken": found[1], **fields}
        return self._open(path, urlencode(data).encode())

    def _open(self, path: str, data: bytes | None) -> Page:
        url = path if "://" in path else self.base + path
        request = Request(url, data, {"User-Agent": self.user_agent, **self.headers})
        with self.opener.open(request, timeout=PATIENCE) as response:
            body = response.read()
            return Page(response.status, response.headers, body, response.url)
