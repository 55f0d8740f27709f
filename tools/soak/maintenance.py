"""``python -m tools.soak.maintenance``: maintenance of `ptrack.stats` beside writers.

Processes record opens at a steady rate, into a table of SQLite that has many old rows.
Beside them, ``rekey_stats`` changes the keys of all rows, and ``clear_stats`` deletes
the old ones, as often as told at the same time. SQLite lets one transaction write at a
time: a writer that waits longer than its timeout loses its hit. None may be lost.
"""

import argparse
import contextlib
import io
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from tools.soak.command import say

WRITERS = 2
INTERVAL = 0.05
"""Seconds between the opens of a writer."""

KEYS = ("recipient", "campaign")
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
)

FILL = """
WITH RECURSIVE numbers (number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < %s
)
INSERT INTO ptrack_stats_open (id, at, args, kwargs, user_agent, ip, key)
SELECT
    printf('%%012x7', number) || substr(lower(hex(randomblob(2))), 2)
        || '8' || substr(lower(hex(randomblob(8))), 2),
    strftime('%%Y-%%m-%%d %%H:%%M:%%f', 1700000000 + number, 'unixepoch'),
    '[]',
    json_object('recipient', 'reader' || reader, 'campaign', 'spring' || reader % 99),
    %s, NULL, 'reader' || reader
FROM (SELECT number, abs(random()) %% 100000 AS reader FROM numbers)
"""


class Writing(NamedTuple):
    """The result of writers.

    Attributes:
        recorded: Hits that were recorded.
        errors: The errors of the others, which are lost.
        longest: The longest time that a hit took, in seconds.
    """

    recorded: int
    errors: list[str]
    longest: float


def main() -> int:
    """Run the experiment; return 1 if a hit was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak.maintenance", description=__doc__
    )
    parser.add_argument("--rows", type=int, default=300_000, help="old rows")
    parser.add_argument("--at-once", type=int, default=1, help="of each command")
    parser.add_argument("--writers", type=int, default=WRITERS, help="processes")
    parser.add_argument("--wal", action="store_true", help="with a write-ahead log")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        entry = configure(Path(directory) / "db.sqlite3", wal=options.wal)
        set_up(entry)
        fill(options.rows)
        say(f"{options.rows:,} rows, {options.writers} writers")
        lost = 0
        for command in (rekey, clear):
            done, result = run_beside_writers(
                entry, options.writers, [command] * options.at_once
            )
            say(f"{command.__name__}: {', '.join(done)}")
            say(
                f"  {result.recorded} hits recorded, {len(result.errors)} lost, "
                f"longest {result.longest:.2f} s {set(result.errors) or ''}"
            )
            lost += len(result.errors)
    return 1 if lost else 0


def configure(path: Path, *, wal: bool = False) -> dict[str, Any]:
    """Return an entry of Django's ``DATABASES``; by default as Django has it."""
    options = {"init_command": "PRAGMA journal_mode=WAL"} if wal else {}
    engine = "django.db.backends.sqlite3"
    return {"ENGINE": engine, "NAME": str(path), "OPTIONS": options}


def set_up(entry: dict[str, Any], keyword: str = KEYS[0]) -> None:
    """Configure Django in this process, and make the tables."""
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["ptrack", "ptrack.stats"],
        DATABASES={"default": entry},
        USE_TZ=True,
        PTRACK_SECRET="s" * 32,
        PTRACK_STATS_KEY=keyword,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(rows: int) -> None:
    """Add old rows."""
    from django.db import connections, router

    from ptrack.stats.models import Open

    with connections[router.db_for_write(Open)].cursor() as cursor:
        cursor.execute(FILL, (rows, AGENT))


def clear(entry: dict[str, Any]) -> str:
    """Delete the old rows, in a process of its own."""
    set_up(entry)
    return _call("clear_stats", "--older-than=1")


def rekey(entry: dict[str, Any]) -> str:
    """Change the keys of all rows, in a process of its own."""
    set_up(entry, KEYS[1])
    return _call("rekey_stats")


def _call(*arguments: str) -> str:
    from django.core.management import call_command

    output, before = io.StringIO(), time.monotonic()
    call_command(*arguments, stdout=output)
    return f"{output.getvalue().strip()} ({time.monotonic() - before:.1f} s)"


def run_beside_writers(
    entry: dict[str, Any],
    writers: int,
    commands: Sequence[Callable[[dict[str, Any]], str]],
) -> tuple[list[str], Writing]:
    """Run commands, each in a process, while writers record; return all results."""
    end = Path(entry["NAME"]).with_name("end")
    end.unlink(missing_ok=True)
    with _start_processes(writers + len(commands)) as pool:
        writing = [pool.submit(record_steadily, entry, end) for _ in range(writers)]
        try:
            time.sleep(1)
            running = [pool.submit(command, entry) for command in commands]
            done = [each.result() for each in running]
            time.sleep(1)
        finally:
            end.touch()
        return done, _add(writing)


@contextlib.contextmanager
def _start_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    # A process that was forked would have this one's connections.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        yield pool


def _add(writing: Sequence[Future[Writing]]) -> Writing:
    results = [future.result() for future in writing]
    return Writing(
        sum(each.recorded for each in results),
        [error for each in results for error in each.errors],
        max(each.longest for each in results),
    )


def record_steadily(entry: dict[str, Any], end: Path) -> Writing:
    """Record opens until a file is there."""
    set_up(entry)
    recorded, errors, longest = 0, [], 0.0
    while not end.exists():
        before = time.monotonic()
        try:
            _record()
            recorded += 1
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        longest = max(longest, time.monotonic() - before)
        time.sleep(INTERVAL)
    return Writing(recorded, errors, longest)


def _record() -> None:
    from ptrack.stats.recording import RecordOpen

    request = SimpleNamespace(META={"HTTP_USER_AGENT": AGENT})
    RecordOpen().record(request, recipient="new", campaign="new")


if __name__ == "__main__":
    raise SystemExit(main())
