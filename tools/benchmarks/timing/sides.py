"""The two sides: the answer in this process, and that of a server on loopback."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ptrack.core.callbacks import Tracker
from ptrack.wsgi import PtrackWSGIMiddleware
from tools.benchmarks.environments import ROOT, make_environ
from tools.benchmarks.machine import pin
from tools.benchmarks.workers.sample import make_environ as make_wsgi_environ
from tools.soak.processes import reserve_port

from .kinds import SECRET, TOO_LONG
from .sampling import Samples, take_samples

HOST = "127.0.0.1"
PATIENCE = 30
"""Seconds until a server is taken for broken."""


def time_in_process(tokens: Mapping[str, Sequence[str]], count: int) -> Samples:
    """Time the WSGI middleware, with no callback registered."""
    app = PtrackWSGIMiddleware(None, secret=SECRET, tracker=Tracker())

    def start_response(status: str, headers: list[Any], *_: Any) -> None:
        """Take status and headers, as a server does."""

    requests = {
        kind: [make_wsgi_environ(f"/ptrack/{token}/") for token in each]
        for kind, each in tokens.items()
    }
    return take_samples(requests, lambda request: app(request, start_response), count)


def time_over_loopback(tokens: Mapping[str, Sequence[str]], count: int) -> Samples:
    """Time requests on one connection that is kept, to the mirror on Granian."""
    requests = {
        kind: [_make_request(token) for token in each]
        for kind, each in tokens.items()
        if kind != TOO_LONG
    }
    with (
        _run_server() as port,
        socket.create_connection((HOST, port), PATIENCE) as line,
    ):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        length = len(_read_first_answer(line, requests))

        def exchange(request: Any) -> None:
            line.sendall(request)
            missing = length
            while missing > 0:
                missing -= len(line.recv(missing))

        return take_samples(requests, exchange, count)


def _make_request(token: str) -> bytes:
    return (
        f"GET /ptrack/{token}/ HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: timing\r\n\r\n"
    ).encode()


def _read_first_answer(
    line: socket.socket, requests: Mapping[str, Sequence[bytes]]
) -> bytes:
    """Return an answer; make sure that those of all kinds have the same length."""
    answers = []
    for each in requests.values():
        line.sendall(each[0])
        answer = line.recv(65536)
        while not answer.endswith(b";"):
            answer += line.recv(65536)
        answers.append(answer)
    if {len(each) for each in answers} != {len(answers[0])}:
        raise RuntimeError("the answers differ in length")
    return answers[0]


@contextmanager
def _run_server() -> Iterator[int]:
    port = reserve_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST),
        *("--port", str(port), "--workers", "1", "--runtime-threads", "1"),
        *("--blocking-threads", "1", "--log-level", "warning"),
        *("--factory", "ptrack.wsgi:mirror"),
    ]
    # On a core of its own, if there is one.
    with subprocess.Popen(
        pin(0, command), cwd=ROOT, env=make_environ(PTRACK_SECRET=SECRET)
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server doesn't listen")
