"""``python -m tools.benchmarks.stats``: hits a second that ``ptrack.stats`` records.

It runs a PostgreSQL of its own, with the default settings, so that a commit waits for
the disk. The second half fills a table, measures its size, and measures the time of the
admin's queries and of the commands.
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
from django.test import override_settings

from tools.benchmarks import machine
from tools.soak.postgresql import find_problem, run_postgresql

SURE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THREADS = (1, 32)
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
DAYS = 90

# The rows are in the order of time, as hits come: about ten of each reader.
FILL = """
INSERT INTO ptrack_stats_open (id, at, args, kwargs, user_agent, ip, key)
SELECT
    (
        lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(random()::text), 1, 3)
        || '8' || substr(md5(random()::text), 1, 15)
    )::uuid,
    at, '[]',
    jsonb_build_object(
        'campaign', number / 20000, 'recipient', reader, 'sent', 1764000000.123456
    ),
    %s, NULL, reader
FROM (
    SELECT number, now() - interval '90 days' * (1 - number::float8 / %s) AS at,
        'reader' || (random() * %s / 10)::int || '@example.com' AS reader
    FROM generate_series(1, %s) AS number
) AS hits
"""


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks.stats", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="only run through")
    parser.add_argument("--rows", type=int, help="of the table that is filled")
    parser.add_argument("--rekey", action="store_true", help="only `rekey_stats`")
    options = parser.parse_args()
    if problem := find_problem():
        parser.exit(1, f"A server is needed: {problem}\n")
    with run_postgresql(None, **SURE) as server:
        _set_up(server.django())
        for name, value in machine.describe().items():
            print(f"{name}: {value}")
        print(f"Django: {django.__version__}, PostgreSQL: {_read_version()}\n")
        rows = options.rows or (2_000 if options.quick else 1_000_000)
        if not options.rekey:
            _print_rates(
                rounds=1 if options.quick else 5, rows=64 if options.quick else 3200
            )
            _fill(rows)
            _print_sizes(rows)
            _print_times(_find_queries())
        _fill(rows)
        _print_times(_find_commands())


def _set_up(database: dict[str, Any]) -> None:
    settings.configure(
        INSTALLED_APPS=["ptrack", "ptrack.stats"],
        DATABASES={"default": database},
        USE_TZ=True,
        PTRACK_SECRET="s" * 32,
        PTRACK_STATS_KEY="recipient",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    logging.disable()


def _read_version() -> str:
    return str(_run_sql("SHOW server_version")[0][0])


def _run_sql(sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


# -- hits a second --------------------------------------------------------------------


def _print_rates(rounds: int, rows: int) -> None:
    """Measure each way in turn, so that a disturbance affects all of them."""
    ways = {"Django": _write_by_django, "ptrack.stats": _write}
    cases = [(threads, way) for threads in THREADS for way in ways]
    rates: dict[Any, list[float]] = {case: [] for case in cases}
    for turn in range(rounds):
        for threads, way in cases if turn % 2 else reversed(cases):
            # One thread is much slower.
            some = rows if threads > 1 else max(threads, rows // 4)
            rates[threads, way].append(_measure_rate(ways[way], threads, some))
    print("| threads | Django's `bulk_create` | `ptrack.stats` | ratio |")
    print("|---:|---:|---:|---:|")
    for threads in THREADS:
        django_rate, rate = (statistics.median(rates[threads, way]) for way in ways)
        ratio = rate / django_rate
        print(f"| {threads} | {django_rate:,.0f}/s | {rate:,.0f}/s | {ratio:.1f} |")
    print()


def _measure_rate(write: Callable[[Any], None], threads: int, rows: int) -> float:
    from django.db import connections

    from ptrack.stats.models import Open

    Open.objects.all().delete()
    start = Barrier(threads + 1)

    def work(_: int) -> None:
        write(_make_row())
        start.wait()
        for _ in range(rows // threads):
            write(_make_row())
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
    written = (rows // threads + 1) * threads
    assert Open.objects.count() == written
    return rows // threads * threads / seconds


def _make_row() -> Any:
    from ptrack.stats import recording
    from ptrack.stats.models import Open

    kwargs = {"campaign": 7, "recipient": "reader@example.com", "sent": 1764000000.1}
    request = SimpleNamespace(META={"HTTP_USER_AGENT": USER_AGENT})
    fields = recording.RecordOpen().get_fields(request, **kwargs)
    assert fields is not None
    return recording.make_row(Open, request, fields)


def _write_by_django(row: Any) -> None:
    type(row).objects.bulk_create([row], ignore_conflicts=True)


def _write(row: Any) -> None:
    from ptrack.stats import writing

    writing.write(row)


# -- a big table ----------------------------------------------------------------------


def _fill(rows: int) -> None:
    from ptrack.stats.models import Open

    Open.objects.all().delete()
    _run_sql("TRUNCATE ptrack_stats_open")
    _run_sql(FILL, (USER_AGENT, rows, rows, rows))
    _run_sql("VACUUM ANALYZE ptrack_stats_open")


def _print_sizes(rows: int) -> None:
    parts = {
        "the rows": "pg_table_size('ptrack_stats_open')",
        "the primary key": "pg_relation_size('ptrack_stats_open_pkey')",
        "the index by time": "pg_relation_size('ptrack_stats_open_at')",
        "the index by key": "pg_relation_size('ptrack_stats_open_key')",
        "together": "pg_total_relation_size('ptrack_stats_open')",
    }
    print(f"| {rows:,} rows | bytes a row | 100 million |\n|---|---:|---:|")
    for name, size in parts.items():
        each = _run_sql(f"SELECT {size}")[0][0] / rows
        print(f"| {name} | {each:.0f} | {each * 100_000_000 / 1e9:.1f} GB |")
    print()


def _print_times(queries: dict[str, Callable[[], Any]]) -> None:
    print("| query or command | time |\n|---|---:|")
    for name, query in queries.items():
        before = time.perf_counter()
        query()
        print(f"| {name} | {(time.perf_counter() - before) * 1000:,.1f} ms |")
    print()


def _find_queries() -> dict[str, Callable[[], Any]]:
    from ptrack.stats.models import Open
    from ptrack.stats.report import count_unique, make_report

    now = datetime.now(UTC)
    month = Open.objects.filter(at__gte=now - timedelta(days=30))
    return {
        "the first page of 30 days": lambda: list(month[:100]),
        "the number of its rows, up to 50,000": month.order_by()[:50_000].count,
        "chart and totals of a day": lambda: make_report(
            Open.objects.filter(at__gte=now - timedelta(days=1))
        ),
        "chart and totals of 30 days": lambda: make_report(month),
        "chart and totals of everything": lambda: make_report(Open.objects.all()),
        "unique opens of everything": lambda: count_unique(Open.objects.all()),
        "all rows of one key": lambda: list(
            Open.objects.filter(key="reader7@example.com")[:100]
        ),
    }


def _find_commands() -> dict[str, Callable[[], Any]]:
    from ptrack.stats.clearing import clear
    from ptrack.stats.models import Open
    from ptrack.stats.rekeying import rekey

    def change_keys() -> None:
        with override_settings(PTRACK_STATS_KEY="campaign"):
            rekey(Open)

    limit = datetime.now(UTC) - timedelta(days=DAYS * 0.9)
    return {
        "`rekey_stats` that changes all keys": change_keys,
        "`rekey_stats` that changes none": change_keys,
        "`clear_stats` of the oldest tenth": lambda: clear(Open, limit),
    }


if __name__ == "__main__":
    main()
