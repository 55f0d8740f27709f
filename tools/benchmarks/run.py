"""One command: set up, measure, report."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, NamedTuple, NoReturn

from tools.soak.services import Redis

from . import chart, environments, growth, machine, percall, report, wire
from .worker import Worker


class Effort(NamedTuple):
    """How long everything is measured.

    Attributes:
        rounds: Rounds of every case in process.
        seconds: The length of such a round.
        hits: Hits in one process, for its memory.
        wire_rounds: Rounds of every server.
        wire_seconds: The length of such a round.
    """

    rounds: int
    seconds: float
    hits: int
    wire_rounds: int
    wire_seconds: int


FULL = Effort(31, 0.02, 1_000_000, 7, 3)
QUICK = Effort(2, 0.005, 5_000, 1, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        arguments: Arguments of the command line; the process's own by default.

    Returns:
        The exit code; a missed goal is no failure, a case that doesn't work is.
    """
    options = _parse(arguments)
    # A benchmark that is ended ends its servers too.
    signal.signal(signal.SIGTERM, _end)
    started = time.monotonic()
    try:
        if options.only:
            _print_only(options)
            return 0
        results = _measure(options)
    except Exception as error:
        print(f"failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    _write(results, _choose_place(options))
    print(report.write_markdown(results))
    print(f"\ntook {time.monotonic() - started:.0f} s")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks", description=__doc__
    )
    parser.add_argument(
        "--quick", action="store_true", help="only see that everything runs"
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="the interpreter to measure with; this one by default",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="the directory to write results.json, README.md and chart.svg to; "
        "tools/benchmarks by default, or a temporary one if quick",
    )
    parser.add_argument(
        "--install",
        action="store_true",
        help="install nginx and wrk with apt-get even if not root",
    )
    parser.add_argument("--no-wire", action="store_true", help="leave the servers out")
    parser.add_argument(
        "--only",
        metavar="CASE,…",
        type=lambda text: text.split(","),
        help="print best round and median of these cases per call, by their names in "
        "results.json, and write nothing",
    )
    return parser.parse_args(arguments)


def _choose_place(options: argparse.Namespace) -> Path:
    if options.out is not None:
        place: Path = options.out
        place.mkdir(parents=True, exist_ok=True)
        return place
    if options.quick:
        return Path(mkdtemp(prefix="ptrack-benchmark-"))
    return environments.HERE


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    effort = QUICK if options.quick else FULL
    with_wire = not options.no_wire and _can_measure_wire(options)
    sides = environments.prepare(options.python)
    about_machine = machine.describe()
    about_machine["Python"] = environments.read_version(options.python)
    results: dict[str, Any] = {
        "about": {
            "date": datetime.now(UTC).date().isoformat(),
            "quick": options.quick,
            "rounds": effort.rounds,
            "machine": about_machine,
            "versions": environments.choose_versions(sides),
        }
    }
    with ExitStack() as stack:
        _say("starting the sides, and checking that their hits are recorded")
        workers = _start(sides, stack, options)
        _say("per call, in process")
        results["per_call"] = percall.measure(workers, effort.rounds, effort.seconds)
        # The other site of ours makes the same URLs.
        del workers[environments.QUEUEING]
        results["lengths"] = percall.measure_lengths(workers)
        paths = {side: worker.path for side, worker in workers.items()}
    _say(f"{effort.hits:,} hits in one process, twice")
    results["memory"] = growth.measure(sides[environments.OURS], effort.hits)
    results["wire"] = {}
    if with_wire:
        _say("on the wire")
        with TemporaryDirectory(prefix="ptrack-wire-") as place:
            results["wire"] = wire.measure(
                sides, paths, Path(place), effort.wire_rounds, effort.wire_seconds
            )
    return results


def _print_only(options: argparse.Namespace) -> None:
    effort = QUICK if options.quick else FULL
    with ExitStack() as stack:
        workers = _start(environments.prepare(options.python), stack, options)
        medians = percall.measure(workers, effort.rounds, effort.seconds, options.only)
    for name, found in medians.items():
        print(f"{name:32} {found['best']:10.3f} µs {found['median']:10.3f} µs")


def _start(
    sides: Mapping[str, environments.Environment],
    stack: ExitStack,
    options: argparse.Namespace,
) -> dict[str, Worker]:
    """Start Redis, and a process of each side."""
    place = Path(stack.enter_context(TemporaryDirectory(prefix="ptrack-queue-")))
    variables = {"BENCH_PLACE": str(place)}
    missing = environments.install_programs(environments.REDIS, insist=options.install)
    if missing:
        _say(f"Celery is left out; for it: apt-get install {' '.join(missing)}")
    else:
        redis = stack.enter_context(Redis(place, fsync="everysec"))
        variables["BENCH_REDIS"] = str(redis.port)
    return {
        side: stack.enter_context(Worker(environment, **variables))
        for side, environment in sides.items()
    }


def _can_measure_wire(options: argparse.Namespace) -> bool:
    needed = environments.PROGRAMS
    missing = environments.install_programs(needed, insist=options.install)
    if missing:
        _say(f"the wire is left out; for it: apt-get install {' '.join(missing)}")
    elif not machine.CAN_PIN:
        _say("one core, or no taskset: servers and wrk share all cores")
    return not missing


def _write(results: dict[str, Any], place: Path) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (place / "results.json").write_text(text + "\n")
    (place / "chart.svg").write_text(chart.draw(results))
    report.insert(results, place / "README.md")
    _say(f"written to {place}")


def _say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


def _end(*_: object) -> NoReturn:
    raise SystemExit(1)
