"""The results as tables of Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.benchmarks import machine

from . import background, load, nonces, stage
from .books import Balance, Book
from .servers import NotRun

Load = tuple[str, load.Result | NotRun]
"""A server, and what came of its load."""

Fault = tuple[stage.Fault, str, stage.Result | NotRun]
"""A fault, the server that had it, and what came of it."""

Behind = tuple[background.Fault, background.Result | NotRun]
"""A fault of what records in the background, and what came of it."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Give a table, whose first columns are text and all others numbers."""
    rule = [*["---"] * texts, *["---:"] * (len(head) - texts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def loads(results: Iterable[Load]) -> str:
    """Give the tables of the load."""
    results = list(results)
    done = [result for _, result in results if isinstance(result, load.Result)]
    head = (
        *("server", "requests", "hits answered", "sent, unanswered", "recorded"),
        *("lost", "too many", "5xx", "4xx of the server", "hung up by it"),
    )
    rows = [
        [
            result.server,
            f"{result.book.sent_requests:,}",
            *_hits(result.hits, result.book),
            f"{result.hits.lost + result.others.lost}",
            f"{result.hits.surplus + result.others.surplus}",
            f"{result.book.status(500, 600)}",
            f"{_of_the_server(result):,}",
            f"{result.book.hang_ups:,}",
        ]
        for result in done
    ]
    rows += [
        [name, _not_run(result), *[""] * (len(head) - 2)]
        for name, result in results
        if isinstance(result, NotRun)
    ]
    return f"### Load\n\n{table(head, rows)}\n\n{_left_over(done)}"


def _hits(hits: Balance, book: Book) -> list[str]:
    """Give how many were answered, were only sent, and are recorded."""
    unanswered = book.whole.total() - hits.answered
    return [f"{hits.answered:,}", f"{unanswered:,}", f"{hits.recorded:,}"]


def _left_over(results: list[load.Result]) -> str:
    head = (
        *("server", "seconds", "failures logged", "resident, MiB", "growth, KiB"),
        *("descriptors", "left open"),
    )
    rows = [
        [
            result.server,
            f"{result.seconds:.0f}",
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
        *("fault", "server", "what was done, and seen", "hits answered"),
        *("sent, unanswered", "recorded", "lost", "too many", "5xx"),
    )
    rows = [_fault_row(*each) for each in results]
    return f"### Faults\n\n{table(head, rows, texts=3)}"


def _fault_row(
    fault: stage.Fault, server: str, result: stage.Result | NotRun
) -> list[str]:
    if isinstance(result, NotRun):
        return [fault.name, server, _not_run(result), *[""] * 6]
    lost = f"{result.hits.lost}"
    return [
        fault.name,
        server,
        result.said,
        *_hits(result.hits, result.book),
        f"**{lost}**" if result.hits.lost else lost,
        f"{result.hits.surplus + result.others.surplus}",
        f"{result.book.status(500, 600)}",
    ]


def behind(results: Iterable[Behind]) -> str:
    """Give the table of the faults of what records in the background."""
    head = (
        *("fault", "engine", "what was done, and seen", "hits answered", "recorded"),
        *("of these at once", "lost", "recorded again", "too many", "s to settle"),
    )
    rows = [_behind_row(*each) for each in results]
    return f"### In the background\n\n{table(head, rows, texts=3)}"


def _behind_row(
    fault: background.Fault, result: background.Result | NotRun
) -> list[str]:
    engine = _ENGINES[fault.engine]
    if isinstance(result, NotRun):
        return [fault.name, engine, _not_run(result), *[""] * 7]
    hits = result.hits
    return [
        *(fault.name, engine, result.said),
        *(f"{hits.answered:,}", f"{hits.recorded:,}", f"{hits.at_once:,}"),
        *(f"{hits.lost}", f"{hits.doubled:,}", f"{hits.surplus}"),
        f"{result.settled:.0f}",
    ]


_ENGINES = {"celery": "Celery, Redis", "tasks": "Tasks, SQLite"}


def _not_run(result: NotRun) -> str:
    return f"**not run**, for it: `{result.remedy}`"


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


def about(versions: dict[str, str], date: str, seed: int | None, seconds: float) -> str:
    """Give what the results depend on."""
    described = {**machine.described(), "servers": _listed(versions)}
    lines = [
        f"- {name}: {described[name].replace(', 1 cores', ', 1 core')}"
        for name in ("processor", "system", "Python", "servers")
    ]
    how = f"in {seconds / 60:.0f} minutes"
    if seed is not None:
        how += f", with seed {seed}"
    return f"Measured on {date}, {how}:\n\n" + "\n".join(lines)


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def insert(text: str, document: Path, name: str = "results") -> None:
    """Put the tables between the markers of that name in a document."""
    old = between(document, name)
    start, end = _markers(name)
    found = document.read_text()
    document.write_text(
        found.replace(f"{start}{old}{end}", f"{start}\n\n{text}\n\n{end}")
    )


def between(document: Path, name: str = "results") -> str:
    """Give what is between the markers of that name in a document.

    Raises:
        ValueError: They aren't there.
    """
    start, end = _markers(name)
    _, opened, rest = document.read_text().partition(start)
    found, closed, _ = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"{document} has no {start} with {end} after it")
    return found


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- /{name} -->"
