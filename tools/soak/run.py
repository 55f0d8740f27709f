"""One command: load every server, do every fault, report."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from typing import NamedTuple

from . import background, faults, load, nonces, report, stage
from .command import end_on_signal, format_today, say
from .places import ROOT
from .servers import KINDS, Kind, NotRun

DOCUMENT = ROOT / "docs" / "reliability.md"
SHOWN = (
    *("django-ptrack", "Django", "PyNaCl", "WebOb", "gunicorn", "pyuwsgi"),
    *("granian", "waitress", "uvicorn", "uvicorn-worker"),
    *("celery", "kombu", "redis", "django-tasks", "django-tasks-db"),
)
"""The distributions whose versions the results show."""

PARTS = ("load", "faults", "background", "nonces")


class Effort(NamedTuple):
    """How much is done.

    Attributes:
        requests: The number of requests to each server.
        tokens: The number of tokens whose nonces are compared.
        all_servers: Inject each fault into every server that can have it, not into one.
    """

    requests: int
    tokens: int
    all_servers: bool


FULL = Effort(100_000, 1_000_000, True)
QUICK = Effort(2_000, 100_000, False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Arguments of the command line; the process's own by default.

    Returns:
        The exit code: 0 if nothing was lost and nothing is left.
    """
    options = _parse(arguments)
    started = time.monotonic()
    with end_on_signal():
        parts, problems = _run(options)
    took = time.monotonic() - started
    parts.insert(
        0, report.describe_run(_list_versions(), format_today(), options.seed, took)
    )
    text = "\n\n".join(parts)
    print(f"\n{text}\n")
    for problem in problems:
        print(f"FAILED  {problem}", file=sys.stderr)
    if _is_full(options) and not problems:
        report.insert(text, DOCUMENT)
    print(f"took {took:.0f} s")
    return 1 if problems else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"of {', '.join(PARTS)}; all by default",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few requests, and each fault on one server only",
    )
    parser.add_argument(
        "--server",
        action="append",
        choices=[kind.name for kind in KINDS],
        help="only this one; may be given more than once",
    )
    parser.add_argument("--requests", type=int, help="to each server")
    parser.add_argument("--tokens", type=int, help="for their nonces")
    parser.add_argument("--seed", type=int, default=1, help="of the mix of requests")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def _is_full(options: argparse.Namespace) -> bool:
    """Return whether this is the run that the document shows."""
    chosen = (options.parts, options.server, options.requests, options.tokens)
    return not options.quick and not any(chosen)


def _run(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return the tables, and the problems."""
    effort = QUICK if options.quick else FULL
    kinds = _choose_servers(options)
    tables: list[str] = []
    problems: list[str] = []
    wanted = options.parts or PARTS
    if "load" in wanted:
        requests = options.requests or effort.requests
        loaded = list(_load_servers(kinds, requests, options.seed, problems))
        tables.append(report.tabulate_load(loaded))
    if "faults" in wanted:
        done = list(_inject_faults(kinds, effort, options, problems))
        tables.append(report.tabulate_faults(done))
    if "background" in wanted:
        behind = background.QUICK if options.quick else background.FULL
        tables.append(
            report.tabulate_background(_run_background(behind, options.seed, problems))
        )
    if "nonces" in wanted:
        tables += _compare_nonces(options.tokens or effort.tokens, problems)
    return tables, problems


def _choose_servers(options: argparse.Namespace) -> list[Kind]:
    return [kind for kind in KINDS if not options.server or kind.name in options.server]


def _load_servers(
    kinds: Sequence[Kind], requests: int, seed: int, problems: list[str]
) -> Iterator[report.Load]:
    for kind in kinds:
        if not kind.is_installed:
            yield kind.name, _skip(kind.name)
            continue
        say(f"{kind.name}: {requests:,} requests")
        try:
            result = load.run(kind, requests, seed)
        except Exception as error:
            problems.append(f"{kind.name}, load: {type(error).__name__}: {error}")
            continue
        problems += [f"{kind.name}, load: {problem}" for problem in result.problems]
        yield kind.name, result


def _inject_faults(
    kinds: Sequence[Kind],
    effort: Effort,
    options: argparse.Namespace,
    problems: list[str],
) -> Iterator[report.Fault]:
    for fault in faults.FAULTS:
        for kind in kinds:
            all_servers = effort.all_servers or options.server
            if not fault.applies_to(kind) or not (
                all_servers or kind.name == fault.quick
            ):
                continue
            if not kind.is_installed:
                yield fault, kind.name, _skip(kind.name)
                continue
            say(f"{kind.name}: {fault.name}")
            try:
                result = stage.run(fault, kind, options.seed)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                problems.append(f"{kind.name}, {fault.name}: {text}")
                continue
            if isinstance(result, NotRun):
                say(f"  not run; for it: {result.remedy}")
            else:
                problems += [
                    f"{kind.name}, {fault.name}: {each}" for each in result.problems
                ]
            yield fault, kind.name, result


def _run_background(
    effort: background.Effort, seed: int, problems: list[str]
) -> Iterator[report.Behind]:
    for fault in background.FAULTS:
        if effort is background.QUICK and fault.name in background.TESTED:
            continue
        say(f"in the background: {fault.name}")
        try:
            result = background.run(fault, effort, seed)
        except Exception as error:
            problems.append(f"{fault.name}: {type(error).__name__}: {error}")
            continue
        if isinstance(result, NotRun):
            say(f"  not run; for it: {result.remedy}")
        else:
            problems += [f"{fault.name}: {each}" for each in result.problems]
        yield fault, result


def _compare_nonces(tokens: int, problems: list[str]) -> Iterator[str]:
    say(f"{tokens:,} tokens")
    try:
        result = nonces.run(tokens)
    except Exception as error:
        problems.append(f"nonces: {type(error).__name__}: {error}")
        return
    problems += [f"nonces: {problem}" for problem in result.problems]
    yield report.tabulate_nonces(result)


def _skip(server: str) -> NotRun:
    found = NotRun("pip install -e '.[soak]'")
    say(f"{server}: not run; for it: {found.remedy}")
    return found


def _list_versions() -> dict[str, str]:
    found = {}
    for name in SHOWN:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
