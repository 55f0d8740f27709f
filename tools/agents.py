"""``python -m tools.agents``: how often `ptrack.agents` takes people for machines.

It reads files of user agents, one a line, and prints the confusion table as Markdown.
A line can begin with a count and a tab: so many hits have that user agent.
docs/agents.md says where to find such files.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ptrack.agents import Cause, identify

Side = Literal["people", "machines"]

CAUSES: tuple[Cause, ...] = ("person", "machine", "unknown")
RIGHT: dict[Side, Cause] = {"people": "person", "machines": "machine"}
WRONG: dict[Side, Cause] = {"people": "machine", "machines": "person"}
COUNTED = re.compile(r"(\d+)\t(.*)")


class Misjudged(NamedTuple):
    """A user agent of one side that `ptrack.agents` takes for the other's."""

    hits: int
    name: str
    user_agent: str


class Row(NamedTuple):
    """A file's line of the table."""

    label: str
    side: Side
    hits: Counter[Cause]
    misjudged: list[Misjudged]


def main(argv: list[str] | None = None) -> int:
    """Print the table of the files that the arguments name."""
    options = read_options(argv)
    sides: list[tuple[Side, list[Path]]] = [
        ("people", options.people),
        ("machines", options.machines),
    ]
    rows = [judge(path, side) for side, paths in sides for path in paths]
    print_lines(write_table(rows))
    for row in rows if options.show else ():
        print_lines(write_list(row, options.show))
    return 0


def print_lines(lines: Iterator[str]) -> None:
    """Print lines, in any encoding that the terminal has."""
    for line in lines:
        sys.stdout.buffer.write(f"{line}\n".encode(errors="replace"))


def read_options(argv: list[str] | None) -> argparse.Namespace:
    """Return the options, or exit if no file is named or one isn't there."""
    parser = argparse.ArgumentParser(prog="python -m tools.agents", description=__doc__)
    for side in RIGHT:
        parser.add_argument(
            f"--{side}",
            nargs="+",
            default=[],
            type=Path,
            metavar="FILE",
            help=f"user agents of {side}, one a line",
        )
    parser.add_argument(
        "--show",
        type=int,
        default=0,
        metavar="N",
        help="list the first N user agents of each file that are taken for the others'",
    )
    options = parser.parse_args(argv)
    files = [*options.people, *options.machines]
    if not files:
        parser.error("name a file with --people or --machines")
    for path in files:
        if not path.is_file():
            parser.error(f"{path} is no file")
    return options


def judge(path: Path, side: Side) -> Row:
    """Count who caused the hits of a file, and collect those that are misjudged."""
    hits: Counter[Cause] = Counter()
    misjudged = []
    for count, user_agent in read_lines(path):
        agent = identify({"HTTP_USER_AGENT": user_agent})
        hits[agent.cause] += count
        if agent.cause == WRONG[side]:
            misjudged.append(Misjudged(count, agent.name, user_agent))
    return Row(path.name, side, hits, misjudged)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each user agent behind the number of its hits."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in map(str.strip, file):
            counted = COUNTED.fullmatch(line)
            if counted:
                yield int(counted[1]), counted[2]
            elif line:
                yield 1, line


def write_table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the table, and what its columns mean."""
    yield f"| File | Of | User agents | {' | '.join(map(str.title, CAUSES))} |"
    yield f"|---|---|--:|{'--:|' * len(CAUSES)}"
    yield from map(write_row, rows)
    yield ""
    yield "Machines of the column `Machine` are the recall, people there false alarms."


def write_row(row: Row) -> str:
    """Return a line of the table."""
    total = row.hits.total()
    shares = (write_share(row.hits[cause], total) for cause in CAUSES)
    return f"| {row.label} | {row.side} | {total:,} | {' | '.join(shares)} |"


def write_share(hits: int, total: int) -> str:
    """Return hits, and their share in enough digits to see one among thousands."""
    return f"{hits:,} ({hits / total:.2%})" if total else "0"


def write_list(row: Row, most: int) -> Iterator[str]:
    """Yield the misjudged user agents of a file, the most frequent first."""
    yield ""
    yield (
        f"{row.label}: {len(row.misjudged):,} of {row.side} taken for a "
        f"{WRONG[row.side]}"
    )
    ordered = sorted(row.misjudged, key=lambda each: -each.hits)
    for hits, name, user_agent in ordered[:most]:
        yield f"{hits}\t{name}\t{user_agent}"


if __name__ == "__main__":
    raise SystemExit(main())
