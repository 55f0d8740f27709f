"""Runs the demo, and the other examples, as the processes that a reader would start."""

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

from tools.soak.processes import free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "example"
SECRET = "the secret of the examples' test"
PATIENCE = 30.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


# -- processes ------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """A server that runs, and what it has written so far."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_for_output(self, text: str) -> str:
        """Give the line that contains the text, once there is one."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.output().splitlines():
                if text in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"{text!r} was not written:\n{self.output()}")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of an example, without what is only for the suite.

    That is what its settings say, and the make that may run it.
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
def running(*command: str, port: int, log: Path, **variables: str) -> Iterator[Server]:
    """Run a server until the end of the block, at which it has always ended."""
    env = environment(PORT=str(port), **variables)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, *command],
            cwd=EXAMPLE.parent,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _wait_until_it_listens(process, port, log)
            yield Server(f"http://127.0.0.1:{port}", log, process)
        finally:
            _end(process)


def _wait_until_it_listens(
    process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
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
    """Run a management command of the demo in a directory; give its output."""
    return subprocess.run(
        [sys.executable, "-W", "error", MANAGE, *arguments],
        check=True,
        capture_output=True,
        env=environment(DEMO_VAR=str(directory)),
        text=True,
        timeout=PATIENCE * 2,
    ).stdout


@contextmanager
def running_demo(directory: Path, *, sample: bool = False) -> Iterator[Server]:
    """Run the demo in a directory, with the command that ``make demo`` runs.

    Args:
        directory: Where its database and its mails are.
        sample: Let it begin with its sample, as for a newcomer.
    """
    port = free_port()
    with running(
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
    """An answer, read to its end."""

    status: int
    headers: HTTPMessage
    body: bytes
    url: str

    @property
    def text(self) -> str:
        return self.body.decode()


class _KeepErrors(HTTPErrorProcessor):
    """Leaves answers of 400 and above to the caller; redirects are still followed."""

    def http_response(self, request: Any, response: Any) -> Any:
        if response.status >= 400:
            return response
        return super().http_response(request, response)


def _opener() -> OpenerDirector:
    # No proxy: whatever the environment says, these requests stay on this machine.
    return build_opener(
        ProxyHandler({}), HTTPCookieProcessor(CookieJar()), _KeepErrors()
    )


@dataclass(frozen=True)
class Client:
    """A small browser: cookies, redirects and forms.

    Attributes:
        base: Where paths are.
        user_agent: What it says that it is.
        headers: What else it says.
    """

    base: str
    user_agent: str = BROWSER
    headers: dict[str, str] = field(default_factory=dict)
    opener: OpenerDirector = field(default_factory=_opener)

    def get(self, path: str) -> Page:
        """Get a path, or a whole URL."""
        return self._open(path, None)

    def submit(self, path: str, **fields: str) -> Page:
        """Fill the form of a page in and send it, with the token that it holds."""
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text
        )
        assert found, f"{path} holds no form"
        data = {"csrfmiddlewaretoken": found[1], **fields}
        return self._open(path, urlencode(data).encode())

    def _open(self, path: str, data: bytes | None) -> Page:
        url = path if "://" in path else self.base + path
        request = Request(url, data, {"User-Agent": self.user_agent, **self.headers})
        with self.opener.open(request, timeout=PATIENCE) as response:
            body = response.read()
            return Page(response.status, response.headers, body, response.url)
