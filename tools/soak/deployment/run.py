"""One command: the whole deployment, killed here and there, and its accounts."""

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
from tools.soak.command import ends_what_it_started, say, today
from tools.soak.places import ROOT
from tools.soak.postgresql import binaries

from . import rounds
from .rounds import Result, Round
from .stage import stage

DOCUMENT = ROOT / "docs" / "deployment.md"


class Part(NamedTuple):
    """A round, how often, and with how many hits each time."""

    what: Round
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
    """Run it.

    Args:
        arguments: Of the command line; those of the process by default.

    Returns:
        The exit code: 0 if the accounts are right.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak.deployment", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="once each, few hits")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with ends_what_it_started():
        results = list(_run(QUICK if options.quick else FULL))
    problems = [
        f"{each.name}: {problem}"
        for each in results
        for problem in each.accounts.problems
    ]
    text = table(results)
    print(f"\n{text}\n")
    for problem in problems:
        print(f"FAILED  {problem}", file=sys.stderr)
    took = time.monotonic() - started
    if not options.quick and not problems:
        told = report.about(versions(), today(), None, took)
        report.insert(f"{told}\n\n{text}", DOCUMENT)
    print(f"took {took:.0f} s")
    return 1 if problems else 0


def _run(parts: Iterable[Part]) -> Iterator[Result]:
    first = 1
    for retries, some in groupby(parts, lambda part: part.what.retries):
        each = [part for part in some for _ in range(part.times)]
        with (
            tempfile.TemporaryDirectory(prefix="ptrack-deployment-") as name,
            stage(Path(name), retries=retries) as running,
        ):
            for part in each:
                say(f"{part.what.name}: {part.hits:,} hits")
                hits = range(first, first + part.hits)
                first = hits.stop
                yield rounds.run(part.what, running, hits)


def versions() -> dict[str, str]:
    """Give those of what runs."""
    names = ("django-ptrack", "Django", "gunicorn", "granian", "celery", "kombu")
    programs = {
        "nginx": ["nginx", "-v"],
        "Redis": ["redis-server", "--version"],
        "PostgreSQL": [str((binaries() or Path()) / "postgres"), "--version"],
    }
    return {
        **{name: metadata.version(name) for name in names},
        **{name: _version(command) for name, command in programs.items()},
    }


def _version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "unknown"


HEAD = (
    *("what was done", "seen", "hits", "requests", "answered", "sent to both mirrors"),
    *("rows", "lost", "two rows of one request", "rows of unanswered requests"),
    *("unexplained", "jobs done twice"),
)


def table(results: Iterable[Result]) -> str:
    """Give the accounts, a row for each round."""
    return report.table(HEAD, map(_row, results), texts=2)


def _row(result: Result) -> list[str]:
    found = result.accounts
    numbers = (
        *(found.hits, found.requests, found.answered, found.asked_twice, found.rows),
        *(found.lost, found.twice, found.unanswered, found.unexplained, result.redone),
    )
    return [result.name, result.said, *(f"{number:,}" for number in numbers)]
