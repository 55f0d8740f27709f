"""``python -m tools.soak.deployment.measure``: the cost of a hit in each part.

The time of the processors is that of the processes themselves, from /proc, so that the
client and other programs on the machine don't count.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from socket import create_connection

import psycopg

from tools.benchmarks import machine
from tools.soak.command import end_on_signal, format_today, say
from tools.soak.places import ROOT
from tools.soak.processes import HOST, wait_until

from .client import Client
from .rounds import count_rows
from .stage import PATIENCE, Stage, find_path, run_stage

RESULTS = ROOT / "tools" / "benchmarks" / "deployment.json"
HITS = 6_000
SURE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As a server is installed: each commit waits for the disk."""

TICKS = os.sysconf("SC_CLK_TCK")
SIZES = """
SELECT pg_total_relation_size('ptrack_stats_open')::float
    / (SELECT count(*) FROM ptrack_stats_open)
"""


def main() -> None:
    """Measure, and store the results."""
    with (
        end_on_signal(),
        tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
        run_stage(Path(name), options=SURE) as running,
    ):
        say("a few hits, so that all is open")
        _load(running, range(1, 500))
        say("the cost of a hit")
        costs = _measure_costs(running, range(1_000, 1_000 + HITS))
        say("jobs that wait, and how fast a worker does them")
        waiting = _measure_queue(running, range(100_000, 100_000 + HITS))
        found = {
            "about": {
                "date": format_today(),
                "hits": HITS,
                "machine": machine.describe(),
            },
            "cpu_us": costs,
            "in_request_cpu_us": measure_in_request(),
            **waiting,
            "request_bytes": len(_make_request()),
            "response_bytes": len(_fetch_response(running)),
            "row_bytes": round(_measure_row(running)),
        }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def measure_in_request() -> dict[str, float]:
    """Return the cost of a hit where mirrors write the rows themselves."""
    with (
        tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
        run_stage(Path(name), background=False, options=SURE) as running,
    ):
        say("the cost of a hit that is recorded in the request")
        _load(running, range(1, 500))
        found = _measure_costs(running, range(1_000, 1_000 + HITS))
    return {
        name: found[name] for name in ("nginx", "gunicorn", "granian", "postgresql")
    }


def _measure_costs(stage: Stage, numbers: range) -> dict[str, float]:
    """Return the microseconds of a processor that a hit takes, by program."""
    groups = {
        "nginx": [stage.nginx.pid],
        "gunicorn": [stage.mirrors[0].pid],
        "granian": [stage.mirrors[1].pid],
        "worker": [worker.pid for worker in stage.workers],
        "redis": [stage.redis.pid],
        "postgresql": [_find_postmaster(stage)],
    }
    shares = {"gunicorn": 0.5, "granian": 0.5}
    before = {name: sum(map(_measure_cpu, pids)) for name, pids in groups.items()}
    _load(stage, numbers)
    return {
        name: round(
            (sum(map(_measure_cpu, pids)) - before[name])
            * 1e6
            / (len(numbers) * shares.get(name, 1)),
            1,
        )
        for name, pids in groups.items()
    }


def _measure_queue(stage: Stage, numbers: range) -> dict[str, float]:
    """Return the bytes of a job in Redis, and how many a worker does in a second."""
    for worker in stage.workers:
        worker.stop()
    empty = _measure_memory(stage)
    Client(stage.port, find_path, stage.context, fresh=True).load(numbers)
    jobs = stage.redis.count_queued()
    each = (_measure_memory(stage) - empty) / jobs
    # Rows of before, so that starting isn't counted.
    done = count_rows(stage)
    stage.workers[0].start()
    _wait_for_rows(stage, done + jobs // 10)
    started, first = time.monotonic(), count_rows(stage)
    _wait_for_rows(stage, done + jobs * 9 // 10)
    rate = (count_rows(stage) - first) / (time.monotonic() - started)
    stage.settle()
    return {"job_bytes": round(each), "worker_per_second": round(rate)}


def _load(stage: Stage, numbers: range) -> None:
    """Send hits, each over a connection of its own, as readers do."""
    Client(stage.port, find_path, stage.context, fresh=True).load(numbers)
    stage.settle()


def _wait_for_rows(stage: Stage, rows: int) -> None:
    wait_until(lambda: count_rows(stage) >= rows, PATIENCE, "the worker is slow")


def _query(stage: Stage, sql: str) -> float:
    with psycopg.connect(stage.database.url) as connection:
        row = connection.execute(sql).fetchone()
    return float(row[0]) if row else 0


def _measure_row(stage: Stage) -> float:
    return _query(stage, SIZES)


def _measure_memory(stage: Stage) -> int:
    with stage.redis.connect() as client:
        return int(client.info("memory")["used_memory"])


def _find_postmaster(stage: Stage) -> int:
    return int(
        (Path(stage.database.host) / "data/postmaster.pid").read_text().split()[0]
    )


def _measure_cpu(pid: int) -> float:
    """Return the seconds that a process and all that it started have computed."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2]
        except OSError:
            continue
        fields = rest.split()
        # These include the times of its children that have ended.
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


def _make_request() -> bytes:
    path, _ = find_path(1)
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


def _fetch_response(stage: Stage) -> bytes:
    with (
        create_connection((HOST, stage.port), PATIENCE) as plain,
        stage.context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        connection.sendall(_make_request())
        return b"".join(iter(lambda: connection.recv(65536), b""))


if __name__ == "__main__":
    main()
