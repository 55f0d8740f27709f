"""The results as tables of Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.benchmarks import machine

from . import background, load, nonces, stage
from .books import Balance, Book
from .servers import NotRun

Load = tuple[str, load.Result | NotRun]
"""A server, and the result of its load."""

Fault = tuple[stage.Fault, str, stage.Result | NotRun]
"""A fault, the server that had it, and the result."""

Behind = tuple[background.Fault, background.Result | NotRun]
"""A fault in the background, and its result."""


def make_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1
) -> str:
    """Return a table; its first columns are text, and all others numbers."""
    rule = [*["---"] * texts, *["---:"] * (len(head) - texts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def tabulate_load(results: Iterable[Load]) -> str:
    """Return the tables of the load."""
    results = list(results)
    done = [result for _, result in results if isinstance(result, load.Result)]
    head = (
        *("server", "requests", "hits answered", "sent, unanswered", "recorded"),
        *("lost", "too many", "5xx", "4xx of the server", "hung up by it"),
    )
    rows = [
        [
            result.server,
            f"{result.book.requests:,}",
            *_count_hits(result.hits, result.book),
            f"{result.hits.lost + result.others.lost}",
            f"{result.hits.surplus + result.others.surplus}",
            f"{result.book.count_answers(500, 600)}",
            f"{_count_refusals(result):,}",
            f"{result.book.hang_ups:,}",
        ]
        for result in done
    ]
    rows += [
        [name, _format_remedy(result), *[""] * (len(head) - 2)]
        for name, result in results
        if isinstance(result, NotRun)
    ]
    return f"### Load\n\n{make_table(head, rows)}\n\n{_tabulate_rest(done)}"


def _count_hits(hits: Balance, book: Book) -> list[str]:
    """Return how many were answered, how many only sent, and how many recorded."""
    unanswered = book.whole.total() - hits.answered
    return [f"{hits.answered:,}", f"{unanswered:,}", f"{hits.recorded:,}"]


def _tabulate_rest(results: list[load.Result]) -> str:
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
    return make_table(head, rows)


def _count_refusals(result: load.Result) -> int:
    """Return how many refusals are the server's; ptrack refuses only methods."""
    ours = result.book.answers["post", 405]
    return result.book.count_answers(400, 500) - ours


def tabulate_faults(results: Iterable[Fault]) -> str:
    """Return the table of the faults."""
    head = (
        *("fault", "server", "action and observation", "hits answered"),
        *("sent, unanswered", "recorded", "lost", "too many", "5xx"),
    )
    rows = [_make_fault_row(*each) for each in results]
    return f"### Faults\n\n{make_table(head, rows, texts=3)}"


def _make_fault_row(
    fault: stage.Fault, server: str, result: stage.Result | NotRun
) -> list[str]:
    if isinstance(result, NotRun):
        return [fault.name, server, _format_remedy(result), *[""] * 6]
    lost = f"{result.hits.lost}"
    return [
        fault.name,
        server,
        result.said,
        *_count_hits(result.hits, result.book),
        f"**{lost}**" if result.hits.lost else lost,
        f"{result.hits.surplus + result.others.surplus}",
        f"{result.book.count_answers(500, 600)}",
    ]


def tabulate_background(results: Iterable[Behind]) -> str:
    """Return the table of the faults in the background."""
    head = (
        *("fault", "engine", "action and observation", "hits answered", "recorded"),
        *("of these at once", "lost", "recorded again", "too many", "s to settle"),
    )
    rows = [_make_background_row(*each) for each in results]
    return f"### In the background\n\n{make_table(head, rows, texts=3)}"


def _make_background_row(
    fault: background.Fault, result: background.Result | NotRun
) -> list[str]:
    engine = _ENGINES[fault.engine]
    if isinstance(result, NotRun):
        return [fault.name, engine, _format_remedy(result), *[""] * 7]
    hits = result.hits
    return [
        *(fault.name, engine, result.said),
        *(f"{hits.answered:,}", f"{hits.recorded:,}", f"{hits.at_once:,}"),
        *(f"{hits.lost}", f"{hits.doubled:,}", f"{hits.surplus}"),
        f"{result.settled:.0f}",
    ]


_ENGINES = {"celery": "Celery, Redis", "tasks": "Tasks, SQLite"}


def _format_remedy(result: NotRun) -> str:
    return f"**not run**, for it: `{result.remedy}`"


def tabulate_nonces(result: nonces.Result) -> str:
    """Return the table of the nonces."""
    head = ("forked by", "tokens", "processes", "threads", "nonces repeated")
    row = [
        "`gunicorn --preload`",
        f"{result.tokens:,}",
        f"{result.processes}",
        f"{result.threads}",
        f"{result.repeated}",
    ]
    return f"### Nonces\n\n{make_table(head, [row])}"


def describe_run(
    versions: dict[str, str], date: str, seed: int | None, seconds: float
) -> str:
    """Return the facts that the results depend on."""
    described = {**machine.describe(), "servers": _join(versions)}
    lines = [
        f"- {name}: {described[name].replace(', 1 cores', ', 1 core')}"
        for name in ("processor", "system", "Python", "servers")
    ]
    how = f"in {seconds / 60:.0f} minutes"
    if seed is not None:
        how += f", with seed {seed}"
    return f"Measured on {date}, {how}:\n\n" + "\n".join(lines)


def _join(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def insert(text: str, document: Path, name: str = "results") -> None:
    """Put the tables between the markers of that name in a document."""
    old = read_between(document, name)
    start, end = _make_markers(name)
    found = document.read_text()
    document.write_text(
        found.replace(f"{start}{old}{end}", f"{start}\n\n{text}\n\n{end}")
    )


def read_between(document: Path, name: str = "results") -> str:
    """Return the text between the markers of that name in a document.

    Raises:
        ValueError: They aren't there.
    """
    start, end = _make_markers(name)
    _, opened, rest = document.read_text().partition(start)
    found, closed, _ = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"{document} has no {start} with {end} after it")
    return found


def _make_markers(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- /{name} -->"
