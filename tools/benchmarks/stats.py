"""``python -m tools.benchmarks.opens``: how many hits a second ``ptrack.opens`` keeps.

It runs on a PostgreSQL of its own, with the settings that a server is installed with,
so that a commit waits for the disk. The other half fills a table, measures its size,
and times what the admin asks of it.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

from tools.benchmarks import machine
from tools.soak.postgresql import missing, postgresql

SURE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THREADS = (1, 32)
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
DAYS = 90

# In the order of time, as rows come, with a reader in 10 for each row.
FILL = """
INSERT INTO ptrack_opens_open (id, at, args, kwargs, user_agent, ip, key)
SELECT
    (
        lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(random()::text), 1, 3)
        || '8' || substr(md5(random()::text), 1, 15)
    )::uuid,
    at, '[]',
    jsonb_build_object(
        'campaign', number / 20000, 'recipient', who, 'sent', 1764000000.123456
    ),
    %s, NULL, who
FROM (
    SELECT number, now() - interval '90 days' * (1 - number::float8 / %s) AS at,
        'reader' || (random() * %s / 10)::int || '@example.com' AS who
    FROM generate_series(1, %s) AS number
) AS hits
"""


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks.opens", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="only run through")
    parser.add_argument("--rows", type=int, help="of the table that is filled")
    options = parser.parse_args()
    if problem := missing():
        parser.exit(1, f"A server is needed: {problem}\n")
    with postgresql(**SURE) as server:
        _set_up(server.django())
        for name, value in machine.described().items():
            print(f"{name}: {value}")
        print(f"Django: {django.__version__}, PostgreSQL: {_version()}\n")
        _print_rates(
            rounds=1 if options.quick else 5, rows=64 if options.quick else 3200
        )
        rows = options.rows or (2_000 if options.quick else 1_000_000)
        _fill(rows)
        _print_sizes(rows)
        _print_times()


def _set_up(database: dict[str, Any]) -> None:
    settings.configure(
        INSTALLED_APPS=["ptrack", "ptrack.opens"],
        DATABASES={"default": database},
        USE_TZ=True,
        PTRACK_SECRET="s" * 32,
        PTRACK_OPENS_KEY="recipient",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    logging.disable()


def _version() -> str:
    return str(_all("SHOW server_version")[0][0])


def _all(sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


# -- hits a second --------------------------------------------------------------------


def _print_rates(rounds: int, rows: int) -> None:
    """Measure each way in turn, so that whatever disturbs, disturbs all."""
    ways = {"alone": _write_alone, "together": _write_together}
    cases = [(threads, way) for threads in THREADS for way in ways]
    rates: dict[Any, list[float]] = {case: [] for case in cases}
    sizes: dict[Any, list[float]] = {case: [] for case in cases}
    for turn in range(rounds):
        for threads, way in cases if turn % 2 else reversed(cases):
            # One thread would take as long for a tenth.
            some = rows if threads > 1 else max(threads, rows // 4)
            before = _commits()
            rates[threads, way].append(_rate(ways[way], threads, some))
            sizes[threads, way].append(some / (_commits() - before))
    print("| threads | each row alone | together | ratio | rows a transaction |")
    print("|---:|---:|---:|---:|---:|")
    for threads in THREADS:
        alone, together = (statistics.median(rates[threads, way]) for way in ways)
        ratio = together / alone
        size = statistics.median(sizes[threads, "together"])
        numbers = f"{alone:,.0f}/s | {together:,.0f}/s | {ratio:.1f} | {size:.1f}"
        print(f"| {threads} | {numbers} |")
    print()


def _commits() -> int:
    """Give how many transactions the server has seen."""
    # Numbers of a session reach the others with a delay, so it is asked by what a
    # transaction takes when it writes: an id.
    return int(_all("SELECT pg_current_xact_id()::text::bigint")[0][0])


def _rate(write: Callable[[Any], None], threads: int, rows: int) -> float:
    from django.db import connections

    from ptrack.opens.models import Open

    Open.objects.all().delete()
    start = Barrier(threads + 1)

    def work(_: int) -> None:
        connections["default"].ensure_connection()
        start.wait()
        for _ in range(rows // threads):
            write(_hit())
        start.wait()
        connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(work, number) for number in range(threads)]
        start.wait()
        before = time.perf_counter()
        start.wait()
        seconds = time.perf_counter() - before
        for each in done:
            each.result()
    written = rows // threads * threads
    assert Open.objects.count() == written
    return written / seconds


def _hit() -> Any:
    from ptrack.opens import recording
    from ptrack.opens.models import Open

    kwargs = {"campaign": 7, "recipient": "reader@example.com", "sent": 1764000000.1}
    request = SimpleNamespace(META={"HTTP_USER_AGENT": USER_AGENT})
    fields = recording.RecordOpen().fields(request, **kwargs)
    assert fields is not None
    return recording.row(Open, request, fields)


def _write_alone(row: Any) -> None:
    type(row).objects.bulk_create([row], ignore_conflicts=True)


def _write_together(row: Any) -> None:
    from ptrack.opens import bulk

    bulk.write(row)


# -- a big table ----------------------------------------------------------------------


def _fill(rows: int) -> None:
    from ptrack.opens.models import Open

    Open.objects.all().delete()
    _all("TRUNCATE ptrack_opens_open")
    _all(FILL, (USER_AGENT, rows, rows, rows))
    _all("VACUUM ANALYZE ptrack_opens_open")


def _print_sizes(rows: int) -> None:
    parts = {
        "the rows": "pg_table_size('ptrack_opens_open')",
        "the primary key": "pg_relation_size('ptrack_opens_open_pkey')",
        "the index by time": "pg_relation_size('ptrack_open_at')",
        "the index by key": "pg_relation_size('ptrack_open_key')",
        "together": "pg_total_relation_size('ptrack_opens_open')",
    }
    print(f"| {rows:,} rows | bytes a row | 100 million |\n|---|---:|---:|")
    for name, size in parts.items():
        each = _all(f"SELECT {size}")[0][0] / rows
        print(f"| {name} | {each:.0f} | {each * 100_000_000 / 1e9:.1f} GB |")
    print()


def _print_times() -> None:
    print("| what the admin asks | time |\n|---|---:|")
    for name, ask in _questions().items():
        before = time.perf_counter()
        ask()
        print(f"| {name} | {(time.perf_counter() - before) * 1000:,.1f} ms |")
    print()


def _questions() -> dict[str, Callable[[], Any]]:
    from ptrack.opens.clearing import clear
    from ptrack.opens.days import summary, unique
    from ptrack.opens.models import Open

    now = datetime.now(UTC)
    month = Open.objects.filter(at__gte=now - timedelta(days=30))
    return {
        "the first page of 30 days": lambda: list(month[:100]),
        "its pages, as far as anyone turns them": month.order_by()[:50_000].count,
        "chart and totals of a day": lambda: summary(
            Open.objects.filter(at__gte=now - timedelta(days=1))
        ),
        "chart and totals of 30 days": lambda: summary(month),
        "chart and totals of everything": lambda: summary(Open.objects.all()),
        "unique opens of everything": lambda: unique(Open.objects.all()),
        "all of one reader": lambda: list(
            Open.objects.filter(key="reader7@example.com")[:100]
        ),
        "`clear_opens` of the oldest tenth": lambda: clear(
            Open, now - timedelta(days=DAYS * 0.9)
        ),
    }


if __name__ == "__main__":
    main()
