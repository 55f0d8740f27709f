"""``python -m tools.soak.deployment.sizing``: the needs of a send, from measurements.

It computes the tables of docs/deployment.md anew, from two files in tools/benchmarks:
``results.json`` of ``make bench``, and ``deployment.json`` of `measure`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.soak import report
from tools.soak.places import ROOT

from .measure import RESULTS as DEPLOYMENT
from .run import DOCUMENT

BENCHMARK = ROOT / "tools" / "benchmarks" / "results.json"
NAME = "sizing"
SENDS = (1_000_000, 10_000_000, 100_000_000)

PEOPLE, MACHINES = 0.25, 0.35
"""Shares of the mails whose pixel is loaded by a person, and by a machine alone."""

FIRST_HOUR = 0.215
"""Share of the people's opens that come within an hour; all of the machines' do."""

PEAK = 3
"""The busiest minute of that hour, as a multiple of its mean."""

LOADED = 0.5
"""Share of a core that is used at that peak."""

MIRRORS = (
    ("WSGI mirror on Granian", "granian/mirror"),
    ("ASGI mirror on Granian", "granian_asgi/mirror"),
    ("WSGI mirror on uWSGI", "uwsgi/mirror"),
    ("WSGI mirror on gunicorn (sync)", "gunicorn/mirror"),
    ("Django middleware on Granian", "granian/django"),
    ("Django middleware on gunicorn (sync)", "gunicorn/django"),
)
"""The apps, by their names in the benchmark; those that it lacks are left out."""

ENQUEUEING = (
    ("Celery and Redis", "queueing/background_celery"),
    ("Django's Tasks in SQLite", "queueing/background_tasks_db"),
)
"""The engines, likewise; `IN_REQUEST` is the time of a hit without one."""

IN_REQUEST = "queueing/background_none"


class Send(NamedTuple):
    """The hits of a send."""

    mails: int

    @property
    def hits(self) -> float:
        """The number of all hits."""
        return self.mails * (PEOPLE + MACHINES)

    @property
    def hour(self) -> float:
        """The number of hits in the first hour."""
        return self.mails * (PEOPLE * FIRST_HOUR + MACHINES)

    @property
    def peak(self) -> float:
        """Hits a second, in the busiest minute."""
        return self.hour / 3600 * PEAK


def main() -> None:
    """Compute the tables, and put them into the page."""
    report.insert(write_text(*read_results()), DOCUMENT, NAME)


def read_results() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the results of both."""
    return _read(BENCHMARK), _read(DEPLOYMENT)


def write_text(benchmark: dict[str, Any], deployment: dict[str, Any]) -> str:
    """Return the tables."""
    sends = [Send(mails) for mails in SENDS]
    parts = (
        ("Hits", _tabulate_hits(sends)),
        (
            "Cores of the mirrors, recording to memory",
            _tabulate_mirrors(benchmark, sends),
        ),
        ("Handing a hit over", _tabulate_engines(benchmark)),
        ("Cores of each part of the deployment", _tabulate_parts(deployment, sends)),
        (
            "Workers, storage and traffic",
            _tabulate_rest(deployment, sends),
        ),
    )
    whence = (
        f"From `tools/benchmarks/results.json` of {benchmark['about']['date']} and "
        f"`tools/benchmarks/deployment.json` of {deployment['about']['date']}, on "
        f"{deployment['about']['machine']['processor']}."
    )
    tables = [f"**{title}**\n\n{table}" for title, table in parts if table]
    return "\n\n".join([whence, *tables])


def _make_head(*texts: str) -> tuple[str, ...]:
    return (*texts, *(f"{mails // 1_000_000} million" for mails in SENDS))


def _tabulate_hits(sends: list[Send]) -> str:
    people, machines = f"{PEOPLE:.2f}", f"{MACHINES:.2f}"
    rows = [
        (
            "hits",
            f"mails × ({people} + {machines})",
            *_round_all(s.hits for s in sends),
        ),
        (
            "in the first hour",
            f"mails × ({people} × {FIRST_HOUR} + {machines})",
            *_round_all(s.hour for s in sends),
        ),
        ("a second, mean", "hour ÷ 3,600", *_round_all(s.hour / 3600 for s in sends)),
        ("a second, peak", f"mean × {PEAK}", *_round_all(s.peak for s in sends)),
    ]
    return report.make_table(_make_head("quantity", "arithmetic"), rows, texts=2)


def _tabulate_mirrors(benchmark: dict[str, Any], sends: list[Send]) -> str:
    rows = [
        (
            label,
            f"{benchmark['wire'][name]['requests_per_second']:,.0f}",
            *_count_cores(
                send.peak / benchmark["wire"][name]["requests_per_second"]
                for send in sends
            ),
        )
        for label, name in MIRRORS
        if name in benchmark["wire"]
    ]
    return report.make_table(_make_head("server", "hits/s a core"), rows)


def _tabulate_engines(benchmark: dict[str, Any]) -> str:
    """Return the times of handing over, if the benchmark has them."""
    calls = benchmark["per_call"]
    if IN_REQUEST not in calls:
        return ""
    rows = [
        (
            label,
            f"{calls[name]['median']:,.0f}",
            f"{1e6 / calls[name]['median']:,.0f}",
            f"{calls[name]['median'] / calls[IN_REQUEST]['median']:,.0f}",
        )
        for label, name in ENQUEUEING
        if name in calls
    ]
    head = ("engine", "µs a hit", "hits/s of one thread", "times a hit without")
    return report.make_table(head, rows)


PARTS = (
    ("nginx, a TLS handshake for each hit", "nginx"),
    ("mirrors on gunicorn (gthread), handing over", "gunicorn"),
    ("mirrors on Granian, handing over", "granian"),
    ("Redis, each command on the disk", "redis"),
    ("Celery's workers, recording", "worker"),
    ("PostgreSQL, each commit on the disk", "postgresql"),
)


IN_REQUEST_PARTS = (
    ("mirrors on gunicorn (gthread), recording in the request", "gunicorn"),
    ("mirrors on Granian, recording in the request", "granian"),
    ("PostgreSQL, for them", "postgresql"),
)


def _tabulate_parts(deployment: dict[str, Any], sends: list[Send]) -> str:
    rows = [
        (label, f"{cost:,.0f}", *_count_cores(send.peak * cost / 1e6 for send in sends))
        for parts, which in ((PARTS, "cpu_us"), (IN_REQUEST_PARTS, "in_request_cpu_us"))
        for label, name in parts
        for cost in [deployment[which][name]]
    ]
    return report.make_table(_make_head("part", "µs of a core a hit"), rows)


def _tabulate_rest(deployment: dict[str, Any], sends: list[Send]) -> str:
    job, row = deployment["job_bytes"], deployment["row_bytes"]
    rate = deployment["worker_per_second"]
    asked, answered = deployment["request_bytes"], deployment["response_bytes"]
    # Two workers, as in the recipe, against the first hour.
    left = [max(0.0, send.hour - 2 * rate * 3600) for send in sends]
    until = [send.hour / (2 * rate) / 3600 for send in sends]
    peaks = [send.peak for send in sends]
    rows = [
        (
            "workers for the mean",
            f"hour ÷ 3,600 ÷ {rate:,}/s",
            *_round_up(send.hour / 3600 / rate for send in sends),
        ),
        (
            "jobs that wait after the hour, two workers",
            f"hour − 2 × {rate:,}/s × 3,600",
            *_round_all(left),
        ),
        (
            "Redis then, GB",
            f"jobs × {job:,} B",
            *_format_giga(each * job for each in left),
        ),
        (
            "until all are done, hours",
            f"hour ÷ (2 × {rate:,}/s)",
            *(f"{max(1.0, each):,.1f}" for each in until),
        ),
        (
            "PostgreSQL, GB a send",
            f"hits × {row:,} B",
            *_format_giga(send.hits * row for send in sends),
        ),
        (
            "in at the peak, Mbit/s",
            f"peak × {asked:,} B × 8",
            *_format_mega(each * asked * 8 for each in peaks),
        ),
        (
            "out at the peak, Mbit/s",
            f"peak × {answered:,} B × 8",
            *_format_mega(each * answered * 8 for each in peaks),
        ),
    ]
    return report.make_table(_make_head("quantity", "arithmetic"), rows, texts=2)


def _round_all(values: Iterator[float] | list[float]) -> list[str]:
    return [f"{value:,.0f}" for value in values]


def _round_up(values: Iterator[float]) -> list[str]:
    return [f"{-(-value // 1):,.0f}" for value in values]


def _count_cores(values: Iterator[float]) -> list[str]:
    return [f"{value / LOADED:,.1f}" for value in values]


def _format_giga(values: Iterator[float]) -> list[str]:
    return [f"{value / 1e9:,.1f}" for value in values]


def _format_mega(values: Iterator[float]) -> list[str]:
    return [f"{value / 1e6:,.1f}" for value in values]


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


if __name__ == "__main__":
    main()
