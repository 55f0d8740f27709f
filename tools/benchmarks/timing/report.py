"""The results as tables of Markdown."""

from collections.abc import Mapping
from math import log2, log10
from typing import Any

from tools.benchmarks.report import make_table, shorten

from .comparison import Comparison
from .guessing import LARGE, SECRETS, compute_years
from .kinds import VALID

JITTER = 1000
"""Microseconds of standard deviation: a quiet connection through the internet."""

Compared = Mapping[str, Comparison]


def write_markdown(results: Mapping[str, Any]) -> str:
    """Return all tables."""
    process, loopback = results["process"], results["loopback"]
    parts = {
        "In process, the WSGI middleware alone": _tabulate_times(process),
        "Over loopback, the mirror on Granian, one connection that is kept": (
            _tabulate_times(loopback)
        ),
        "Requests that it takes to tell a kind from a valid token, of each of the two "
        "(95 % sure, 5 % false alarms), by the differences over loopback": (
            _tabulate_requests(loopback)
        ),
        "A random secret guessed offline, with one URL: how long half of all secrets "
        "of its kind take": _tabulate_guesses(results["guesses"]),
    }
    tables = (f"{title}:\n\n{text}" for title, text in parts.items())
    return "\n\n".join([_describe_run(results), *tables])


def _describe_run(results: Mapping[str, Any]) -> str:
    lines = "\n".join(f"- {name}: {text}" for name, text in results["about"].items())
    kind = "A quick run, only to see that all runs. " if results["quick"] else ""
    return f"{kind}Measured with:\n\n{lines}"


def _tabulate_times(compared: Compared) -> str:
    def make_row(kind: str, found: Comparison) -> list[str]:
        low, middle, high = (f"{each:.2f}" for each in found.quartiles)
        cells = [kind, middle, f"{low}–{high}"]
        if kind == VALID:
            return [*cells, "", "", ""]
        interval = f"{found.interval[0]:+.2f} to {found.interval[1]:+.2f}"
        difference = f"{found.difference:+.2f} ({interval})"
        return [*cells, difference, f"{found.t:+.1f}", f"{found.effect:+.3f}"]

    head = (
        *("token", "median, µs", "quartiles"),
        *("to a valid one, µs (95 %)", "Welch's t", "Cohen's d"),
    )
    return make_table(head, [make_row(kind, found) for kind, found in compared.items()])


def _tabulate_requests(loopback: Compared) -> str:
    def make_cell(found: Comparison, jitter: float = 0.0) -> str:
        number = max(2, found.count_requests(jitter))
        # Two digits: it comes from a measurement.
        rounded = round(number, 1 - int(f"{number:e}".partition("e")[2]))
        return f"{'more than ' if found.may_be_none else ''}{rounded:,.0f}"

    rows = [
        [kind, make_cell(found), make_cell(found, JITTER)]
        for kind, found in loopback.items()
        if kind != VALID
    ]
    head = (
        "token",
        "over loopback",
        f"with {JITTER / 1000:g} ms of jitter",
    )
    return make_table(head, rows)


def _tabulate_guesses(rate: float) -> str:
    rows = [
        [
            name,
            f"{length * log2(symbols):.0f}",
            _format_years(compute_years(symbols, length, rate)),
            _format_years(compute_years(symbols, length, LARGE)),
        ]
        for name, (symbols, length) in SECRETS.items()
    ]
    head = (
        *("secret", "bits", f"one core here, {rate:,.0f} guesses/s"),
        f"if somebody could do 10^{log10(LARGE):.0f} guesses/s",
    )
    return make_table(head, rows)


def _format_years(number: float) -> str:
    """Return years in a unit that suits them."""
    if number >= 10_000:
        return f"10^{log10(number):.0f} years"
    for unit, in_a_year in (("years", 1), ("days", 365), ("hours", 365 * 24)):
        if number * in_a_year >= 2:
            return f"{number * in_a_year:,.0f} {unit}"
    return f"{shorten(number * 365 * 24 * 3600)} seconds"
