"""One command: the whole deployment, parts of it killed, and its accounts."""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tools.soak import report
from tools.soak.command import end_on_signal, format_today, say
from tools.soak.places import ROOT
from tools.soak.postgresql import find_binaries

from . import rounds
from .rounds import Result, Round
from .stage import run_stage

DOCUMENT = ROOT / "docs" / "deployment.md"


class Part(NamedTuple):
    """A round, how often it is run, and the number of hits each time."""

    damage: Round
    times: int
    hits: int


FULL = (
    Part(rounds.BOTH, 3, 5_000),
    Part(rounds.WORKER, 5, 1_200),
    Part(rounds.OFTEN_KILLED, 2, 3_000),
    Part(rounds.RESTARTED, 2, 3_000),
    Part(rounds.MIRROR, 5, 1_200),
    Part(rounds.RELOAD, 2, 3_000),
    Part(rounds.ALONE, 5, 1_200),
)
QUICK = (
    Part(rounds.BOTH, 1, 1_200),
    Part(rounds.WORKER, 1, 240),
    Part(rounds.MIRROR, 1, 400),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Arguments of the command line; the process's own by default.

    Returns:
        The exit code: 0 if the accounts are right.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak.deployment", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="once each, few hits")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with end_on_signal():
        results = list(_run(QUICK if options.quick else FULL))
    problems = [
        f"{each.name}: {problem}"
        for each in results
        for problem in each.accounts.problems
    ]
    text = tabulate(results)
    print(f"\n{text}\n")
    for problem in problems:
        print(f"FAILED  {problem}", file=sys.stderr)
    took = time.monotonic() - started
    if not options.quick and not problems:
        told = report.describe_run(list_versions(), format_today(), None, took)
        report.insert(f"{told}\n\n{text}", DOCUMENT)
    print(f"took {took:.0f} s")
    return 1 if problems else 0


def _run(parts: Iterable[Part]) -> Iterator[Result]:
    first = 1
    for retries, some in groupby(parts, lambda part: part.damage.retries):
        each = [part for part in some for _ in range(part.times)]
        with (
            tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
            run_stage(Path(name), retries=retries) as running,
        ):
            for part in each:
                say(f"{part.damage.name}: {part.hits:,} hits")
                hits = range(first, first + part.hits)
                first = hits.stop
                yield rounds.run(part.damage, running, hits)


def list_versions() -> dict[str, str]:
    """Return the versions of the programs."""
    names = ("django-ptrack", "Django", "gunicorn", "granian", "celery", "kombu")
    programs = {
        "nginx": ["nginx", "-v"],
        "Redis": ["redis-server", "--version"],
        "PostgreSQL": [str((find_binaries() or Path()) / "postgres"), "--version"],
    }
    return {
        **{name: metadata.version(name) for name in names},
        **{name: _find_version(command) for name, command in programs.items()},
    }


def _find_version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "unknown"


HEAD = (
    *("action", "seen", "hits", "requests", "answered", "sent to both mirrors"),
    *("rows", "lost", "two rows of one request", "rows of unanswered requests"),
    *("unexplained", "jobs done twice"),
)


def tabulate(results: Iterable[Result]) -> str:
    """Return the accounts, a row for each round."""
    return report.make_table(HEAD, map(_make_row, results), texts=2)


def _make_row(result: Result) -> list[str]:
    found = result.accounts
    numbers = (
        *(found.hits, found.requests, found.answered, found.asked_twice, found.rows),
        *(found.lost, found.twice, found.unanswered, found.unexplained, result.redone),
    )
    return [result.name, result.said, *(f"{number:,}" for number in numbers)]
