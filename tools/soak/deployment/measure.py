"""``python -m tools.soak.deployment.measure``: what a hit costs each part of the deployment.

The time of the processors is that of the processes themselves, from /proc, so that the
client and whatever else runs on the machine don't count.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from socket import create_connection

import psycopg

from tools.benchmarks import machine
from tools.soak.command import ends_what_it_started, say, today
from tools.soak.places import ROOT
from tools.soak.processes import HOST, wait_until

from .client import Client
from .rounds import count
from .stage import PATIENCE, Stage, path_of, stage

RESULTS = ROOT / "tools" / "benchmarks" / "deployment.json"
HITS = 6_000
SURE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As a server is installed: each commit waits for the disk."""

TICKS = os.sysconf("SC_CLK_TCK")
SIZES = """
SELECT pg_total_relation_size('ptrack_opens_open')::float
    / (SELECT count(*) FROM ptrack_opens_open)
"""


def main() -> None:
    """Measure, and store it."""
    with (
        ends_what_it_started(),
        tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
        stage(Path(name), options=SURE) as running,
    ):
        say("a few hits, so that all is open")
        _load(running, range(1, 500))
        say("what a hit costs")
        costs = _costs(running, range(1_000, 1_000 + HITS))
        say("jobs that wait, and how fast a worker does them")
        waiting = _waiting(running, range(100_000, 100_000 + HITS))
        found = {
            "about": {"date": today(), "hits": HITS, "machine": machine.described()},
            "cpu_us": costs,
            "in_request_cpu_us": in_request(),
            **waiting,
            "request_bytes": len(_request()),
            "response_bytes": len(_response(running)),
            "row_bytes": round(_row(running)),
        }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def in_request() -> dict[str, float]:
    """Give what a hit costs where mirrors write the rows themselves."""
    with (
        tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
        stage(Path(name), background=False, options=SURE) as running,
    ):
        say("what a hit costs that is recorded in the request")
        _load(running, range(1, 500))
        found = _costs(running, range(1_000, 1_000 + HITS))
    return {
        name: found[name] for name in ("nginx", "gunicorn", "granian", "postgresql")
    }


def _costs(stage: Stage, numbers: range) -> dict[str, float]:
    """Give the microseconds of a processor that a hit takes, by what takes them."""
    groups = {
        "nginx": [stage.nginx.pid],
        "gunicorn": [stage.mirrors[0].pid],
        "granian": [stage.mirrors[1].pid],
        "worker": [worker.pid for worker in stage.workers],
        "redis": [stage.redis.pid],
        "postgresql": [_postmaster(stage)],
    }
    shares = {"gunicorn": 0.5, "granian": 0.5}
    before = {name: sum(map(_cpu, pids)) for name, pids in groups.items()}
    _load(stage, numbers)
    return {
        name: round(
            (sum(map(_cpu, pids)) - before[name])
            * 1e6
            / (len(numbers) * shares.get(name, 1)),
            1,
        )
        for name, pids in groups.items()
    }


def _waiting(stage: Stage, numbers: range) -> dict[str, float]:
    """Give the bytes of a job in Redis, and how many a worker does in a second."""
    for worker in stage.workers:
        worker.stop()
    empty = _memory(stage)
    Client(stage.port, path_of, stage.context, fresh=True).load(numbers)
    jobs = stage.redis.queued()
    each = (_memory(stage) - empty) / jobs
    # Rows of before, so that starting isn't counted.
    done = count(stage)
    stage.workers[0].start()
    _until_rows(stage, done + jobs // 10)
    started, first = time.monotonic(), count(stage)
    _until_rows(stage, done + jobs * 9 // 10)
    rate = (count(stage) - first) / (time.monotonic() - started)
    stage.settle()
    return {"job_bytes": round(each), "worker_per_second": round(rate)}


def _load(stage: Stage, numbers: range) -> None:
    """Each reader comes over a connection of his own, as they do."""
    Client(stage.port, path_of, stage.context, fresh=True).load(numbers)
    stage.settle()


def _until_rows(stage: Stage, rows: int) -> None:
    wait_until(lambda: count(stage) >= rows, PATIENCE, "the worker is slow")


def _ask(stage: Stage, sql: str) -> float:
    with psycopg.connect(stage.database.url) as connection:
        row = connection.execute(sql).fetchone()
    return float(row[0]) if row else 0


def _row(stage: Stage) -> float:
    return _ask(stage, SIZES)


def _memory(stage: Stage) -> int:
    with stage.redis.client() as client:
        return int(client.info("memory")["used_memory"])


def _postmaster(stage: Stage) -> int:
    return int(
        (Path(stage.database.host) / "data/postmaster.pid").read_text().split()[0]
    )


def _cpu(pid: int) -> float:
    """Give the seconds that a process and all that it started have computed."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2]
        except OSError:
            continue
        fields = rest.split()
        # Those who are below it, and what those who are gone have left to it.
        if number == pid:
            total += sum(map(int, fields[11:15])) / TICKS
        elif _is_below(number, pid):
            total += sum(map(int, fields[11:13])) / TICKS
    return total


def _is_below(number: int, ancestor: int) -> bool:
    while number > 1 and number != ancestor:
        try:
            stat = Path(f"/proc/{number}/stat").read_text()
        except OSError:
            return False
        number = int(stat.rpartition(")")[2].split()[1])
    return number == ancestor


def _request() -> bytes:
    path, _ = path_of(1)
    headers = {
        "Host": "track.example.com",
        "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) "
        "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Accept": "image/webp,image/avif,image/png,image/svg+xml,image/*;q=0.8",
        "Accept-Language": "en-GB,en;q=0.9",
        "Accept-Encoding": "gzip, deflate, br",
        "Connection": "close",
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{a}: {b}" for a, b in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _response(stage: Stage) -> bytes:
    with (
        create_connection((HOST, stage.port), PATIENCE) as plain,
        stage.context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        connection.sendall(_request())
        return b"".join(iter(lambda: connection.recv(65536), b""))


if __name__ == "__main__":
    main()
