"""The results as tables of Markdown."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from benchmarks.report import table

from . import faults, load, nonces

START, END = "<!-- results -->", "<!-- /results -->"

Fault = tuple[faults.Fault, str, faults.Result | None]
"""A fault, the server that had it, and what came of it; ``None`` if it wasn't run."""


def loads(results: Iterable[load.Result]) -> str:
    """Give the tables of the load."""
    results = list(results)
    head = (
        *("server", "requests", "hits answered", "recorded", "lost", "too many"),
        *("4xx of the server", "hung up", "5xx"),
    )
    rows = [
        [
            result.server,
            f"{result.book.sent_requests:,}",
            f"{result.hits.answered:,}",
            f"{result.hits.recorded:,}",
            f"{result.hits.lost + result.others.lost}",
            f"{result.hits.surplus + result.others.surplus}",
            f"{_of_the_server(result):,}",
            f"{result.book.hang_ups:,}",
            f"{result.book.status(500, 600)}",
        ]
        for result in results
    ]
    return f"### Load\n\n{table(head, rows)}\n\n{_left_over(results)}"


def _left_over(results: list[load.Result]) -> str:
    head = (
        *("server", "seconds", "broken off", "failures logged", "resident, MiB"),
        *("growth, KiB", "descriptors", "left open"),
    )
    rows = [
        [
            result.server,
            f"{result.seconds:.0f}",
            f"{result.book.kinds['half'] + result.book.kinds['abandoned']:,}",
            f"{result.others.failures.total():,}",
            " → ".join(f"{each / 1024**2:.1f}" for each in result.resident),
            f"{result.growth / 1024:,.0f}",
            " → ".join(map(str, result.descriptors)),
            f"{result.left_open}",
        ]
        for result in results
    ]
    return table(head, rows)


def _of_the_server(result: load.Result) -> int:
    """Count refusals that aren't ptrack's own, which are of the method."""
    ours = result.book.answers["post", 405]
    return result.book.status(400, 500) - ours


def injected(results: Iterable[Fault]) -> str:
    """Give the table of the faults."""
    head = (
        *("fault", "server", "what was done, and seen", "hits answered", "recorded"),
        *("lost", "too many", "sent again", "5xx"),
    )
    rows = [_fault_row(*each) for each in results]
    return f"### Faults\n\n{table(head, rows)}"


def _fault_row(fault: faults.Fault, server: str, result: faults.Result | None) -> list[str]:
    if result is None:
        said = f"**not run**: install `{fault.lacks}`"
        return [fault.name, server, said, *[""] * 6]
    lost = f"{result.hits.lost}"
    return [
        fault.name,
        server,
        result.said,
        f"{result.hits.answered:,}",
        f"{result.hits.recorded:,}",
        f"**{lost}**" if result.hits.lost else lost,
        f"{result.hits.surplus + result.others.surplus}",
        f"{result.book.repeated:,}",
        f"{result.book.status(500, 600)}",
    ]


def nonce(result: nonces.Result) -> str:
    """Give the table of the nonces."""
    head = ("forked by", "tokens", "processes", "threads", "nonces repeated")
    row = [
        "`gunicorn --preload`",
        f"{result.tokens:,}",
        f"{result.processes}",
        f"{result.threads}",
        f"{result.repeated}",
    ]
    return f"### Nonces\n\n{table(head, [row])}"


def about(versions: dict[str, str], date: str, seed: int, seconds: float) -> str:
    """Give what the results depend on."""
    described = {**machine.described(), "servers": _listed(versions)}
    lines = [
        f"- {name}: {described[name]}"
        for name in ("processor", "system", "Python", "servers")
    ]
    minutes = f"{seconds / 60:.0f} minutes"
    return f"Measured on {date}, in {minutes}, with seed {seed}:\n\n" + "\n".join(lines)


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def insert(text: str, document: Path) -> None:
    """Put the tables between the markers of a document."""
    before, start, rest = document.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"{document} has no {START} with {END} after it")
    document.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}")
