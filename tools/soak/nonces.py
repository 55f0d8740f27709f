"""Nonces across forks: the workers of ``gunicorn --preload`` inherit a whole process.

Two tokens with one nonce and one key would give away the difference of their contents,
so no two processes or threads may ever have the same nonce.
"""

import http.client
import json
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .processes import HOST
from .servers import TOKENS, Server, make_gunicorn_command
from .service import PATIENCE

PROCESSES, THREADS = 8, 4
BATCH = 1000
SIZE = 24
"""Bytes of a nonce."""

Batch = tuple[int, int, bytes]
"""The process, the thread, and the nonces."""


@dataclass(frozen=True)
class Result:
    """The nonces of many tokens.

    Attributes:
        tokens: The number of tokens.
        processes: The number of forked processes that made them.
        threads: The number of threads of these.
        repeated: The number of nonces that came up again.
    """

    tokens: int
    processes: int
    threads: int
    repeated: int

    @property
    def problems(self) -> list[str]:
        """The defects, in words."""
        found = [f"{self.repeated} nonces were repeated"] if self.repeated else []
        if self.processes < PROCESSES:
            found.append(f"only {self.processes} processes made tokens")
        return found


def run(tokens: int) -> Result:
    """Have tokens made by forked workers, in several threads each.

    Args:
        tokens: The number; rounded down to whole batches, with at least one of each
            process.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ptrack-soak-") as place,
        Server(_make_command, Path(place)) as server,
        ThreadPoolExecutor(2 * PROCESSES) as clients,
    ):
        before = _request_batch(server.port, "/before?0")
        first = list(_request_of_each(server.port))
        more = clients.map(
            lambda _: _request_batch(server.port, f"/?{BATCH}"),
            range(tokens // BATCH - len(first)),
        )
        return _compare(before, chain(first, more))


def _make_command(port: int) -> list[str]:
    options = ("--preload", "--worker-class", "gthread", "--threads", str(THREADS))
    return make_gunicorn_command(port, TOKENS, *options, workers=PROCESSES)


def _request_of_each(port: int) -> Iterator[Batch]:
    # On few cores, one process may be quick enough to answer all requests: each that
    # has answered is halted until all have.
    halted: list[int] = []
    try:
        while len(halted) < PROCESSES:
            found = _request_batch(port, f"/?{BATCH}")
            yield found
            os.kill(found[0], signal.SIGSTOP)
            halted.append(found[0])
    finally:
        for pid in halted:
            os.kill(pid, signal.SIGCONT)


def _request_batch(port: int, path: str) -> Batch:
    # A connection each, so that any worker that is free takes it.
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", path)
        about, _, raw = connection.getresponse().read().partition(b"\n")
    found = json.loads(about)
    return found["pid"], found["thread"], raw


def _compare(before: Batch, batches: Iterator[Batch]) -> Result:
    seen = set(_split(before[2]))
    made = len(seen)
    threads: Counter[tuple[int, int]] = Counter()
    for pid, thread, raw in batches:
        nonces = _split(raw)
        seen.update(nonces)
        made += len(nonces)
        threads[pid, thread] += len(nonces)
    return Result(
        tokens=made,
        processes=len({pid for pid, _ in threads}),
        threads=len(threads),
        repeated=made - len(seen),
    )


def _split(raw: bytes) -> list[bytes]:
    return [raw[start : start + SIZE] for start in range(0, len(raw), SIZE)]
