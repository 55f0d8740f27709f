"""The results as tables of Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from . import growth
from .environments import NAMES, OURS, PYTRACKING, QUEUEING, THREE
from .goals import Goal, measure_goals

Results = dict[str, Any]

START, END = "<!-- results -->", "<!-- /results -->"
SIDES = (OURS, THREE, PYTRACKING)

CALLS = {
    "What a hit can't do without": {
        "decrypt": "decryption floor: base64, SecretBox, JSON",
        "bare": "the bare WSGI callable, which does that and answers",
        "bare_asgi": "the same of ASGI",
        "constant": "Django, WSGI, a first middleware answering a constant",
        "constant_async": "Django, ASGI, an async first middleware answering it",
    },
    "A hit": {
        "wsgi": "WSGI middleware",
        "wsgi_counted": "WSGI middleware, with counters",
        "asgi": "ASGI middleware, an async callback",
        "asgi_sync": "ASGI middleware, a sync callback",
        "around": "WSGI middleware around Django",
        "django": "Django, WSGI (ours: middleware; peers: URLconf)",
        "django_urls": "Django, WSGI, `ptrack.urls`",
        "django_async": "Django, ASGI (ours: middleware; peers: URLconf)",
        "django_async_callback": "Django, ASGI, an async callback",
        "django_urls_async": "Django, ASGI, `ptrack.urls`",
    },
    "Passing through": {
        "pass_app": "calling the WSGI app",
        "pass_wsgi": "through the WSGI middleware",
        "pass_asgi_app": "calling the ASGI app",
        "pass_asgi": "through the ASGI middleware",
        "pass_idle": "through a Django middleware that does nothing",
        "pass_django": "through the Django middleware",
        "pass_idle_whole": "a page of Django with the former",
        "pass_django_whole": "a page of Django with the latter",
    },
    "Making a URL": {
        "encrypt": "encryption floor: JSON, SecretBox, base64",
        "url": "a URL (`pixel_url`)",
        "url_wsgi": "a URL by the WSGI middleware's `pixel_url`",
        "tag": "`pixel_tag`",
        "tag_template": "a template with the tag, rendered",
    },
    "A whole mail of 17 kB, with 30 links": {
        "mail_parser": "Python's HTML parser alone",
        "mail_urls": "the URLs of its links alone (`link_url`)",
        "mail": "`track_html` (pytracking: `adapt_html`)",
        "mail_opens": "`track_html(clicks=False)`",
        "mail_template": "`TrackedTemplate.render`, parsed before",
    },
    "Not a token": {
        "forged": "forged, WSGI middleware",
        "garbage_20": "20 characters of garbage, WSGI middleware",
        "garbage_60000": "60,000 of them",
        "garbage_60000_bytes": "60,000 that aren't ASCII",
        "forged_django": "forged, Django",
        "garbage_20_django": "20 characters of garbage, Django",
        "garbage_60000_django": "60,000 of them",
    },
}
QUEUED = {
    "background_none": "no callback",
    "background_free": "an engine that takes no time: the rest is ptrack's",
    "background_celery": "Celery, with Redis",
    "background_tasks_db": "Django's Tasks, in a database of SQLite",
}
APPS = {
    "bare": "the bare callable",
    "mirror": "`mirror()`",
    "mirror_sync": "`mirror()`, a sync callback",
    "django": "Django site, our middleware",
    THREE: "Django site, 3.0.0",
    PYTRACKING: "Django site, pytracking",
}
SERVERS = {
    "granian": "Granian",
    "uwsgi": "uWSGI",
    "gunicorn": "gunicorn",
    "granian_asgi": "Granian, ASGI",
    "uvicorn": "uvicorn",
}


def write_markdown(results: Results) -> str:
    """Return all tables."""
    parts = [
        _describe_run(results),
        _tabulate_goals(results),
        _tabulate_calls(results),
        _tabulate_growth(results),
        _tabulate_memory(results),
        _tabulate_lengths(results),
        _tabulate_wire(results),
    ]
    return "\n\n".join(parts)


def insert(results: Results, readme: Path) -> None:
    """Put the tables between the markers of a file, or make one of them alone."""
    text = readme.read_text() if readme.exists() else f"{START}\n{END}\n"
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{START}\n\n{write_markdown(results)}\n\n{END}{after}")


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def shorten(number: float) -> str:
    """Return a number with about three digits."""
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    if abs(number) >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def _describe_run(results: Results) -> str:
    about = results["about"]
    versions = ", ".join(f"{name} {value}" for name, value in about["versions"].items())
    machine = "\n".join(
        f"- {name}: {value}" for name, value in about["machine"].items()
    )
    kind = "A quick run, only to see that all runs. " if about["quick"] else ""
    return (
        f"{kind}Measured on {about['date']}, medians of {about['rounds']} rounds (the "
        "goals compare the best ones):\n\n"
        f"{machine}\n- {versions}"
    )


def _tabulate_goals(results: Results) -> str:
    def make_row(goal: Goal, number: float | None) -> list[str]:
        if number is None:
            return [goal.case, goal.text, "not measured", ""]
        measured = f"{number:.2f}{goal.unit}"
        return [goal.case, goal.text, measured, goal.judge(number, results)]

    rows = [make_row(goal, number) for goal, number in measure_goals(results)]
    head = ("case", "goal", "measured", "reached")
    return f"### The goals\n\n{make_table(head, rows)}"


def _tabulate_calls(results: Results) -> str:
    medians = results["per_call"]

    def make_cell(side: str, case: str) -> str:
        found = medians.get(f"{side}/{case}")
        return shorten(found["median"]) if found else ""

    head = ("", *(NAMES[side] for side in SIDES))
    parts = ["### Per call, in µs"]
    for title, cases in CALLS.items():
        rows = [
            [text, *(make_cell(side, case) for side in SIDES)]
            for case, text in cases.items()
        ]
        parts.append(f"{title}:\n\n{make_table(head, rows)}")
    rows = [[text, make_cell(QUEUEING, case)] for case, text in QUEUED.items()]
    title = "A hit that is left to a worker, until an engine has it, WSGI middleware"
    parts.append(f"{title}:\n\n{make_table(head[:2], rows)}")
    return "\n\n".join(parts)


def _tabulate_growth(results: Results) -> str:
    medians = results["per_call"]

    def make_series(title: str, unit: str, **series: dict[int, float]) -> str:
        sizes = next(iter(series.values()))
        head = (title, *(f"{size:,}{unit}" for size in sizes))
        rows = [
            [name.replace("_", " "), *map(shorten, found.values())]
            for name, found in series.items()
        ]
        return make_table(head, rows)

    bare = {
        size: medians[f"{OURS}/payload_{size}_bare"]["median"]
        for size in growth.find_series(medians, "payload")
    }
    return "\n\n".join(
        [
            "### Growth: a hit through the WSGI middleware, in µs",
            make_series(
                "payload",
                " B",
                the_bare_callable=bare,
                ptrack=growth.find_series(medians, "payload"),
            ),
            make_series(
                "secrets, the last is it",
                "",
                ptrack=growth.find_series(medians, "keys"),
            ),
            make_series(
                "callbacks", "", ptrack=growth.find_series(medians, "callbacks")
            ),
        ]
    )


def _tabulate_memory(results: Results) -> str:
    def format_size(number: int) -> str:
        return f"{number / 1024**2:.2f} MiB"

    rows = [
        [
            growth.KINDS[kind],
            f"{found['hits']:,}",
            format_size(found["before"]),
            format_size(found["after"]),
            format_size(found["after"] - found["before"]),
        ]
        for kind, found in results["memory"].items()
    ]
    head = ("through the", "hits", "after a warm-up", "after the hits", "growth")
    return f"### Resident memory\n\n{make_table(head, rows)}"


def _tabulate_lengths(results: Results) -> str:
    rows = [
        [name, *(f"{found[side]['token']} / {found[side]['url']}" for side in SIDES)]
        for name, found in results["lengths"].items()
    ]
    head = ("payload", *(NAMES[side] for side in SIDES))
    return (
        f"### Length of the token / the URL, in characters\n\n{make_table(head, rows)}"
    )


def _tabulate_wire(results: Results) -> str:
    title = "### On the wire"
    if not results["wire"]:
        return f"{title}\n\nNot measured: nginx or wrk isn't there."

    def make_row(name: str, server: str, key: str) -> list[str]:
        found = results["wire"][key]
        rates = f"{found['requests_per_second']:,.0f}"
        return [name, server, rates, f"{found['p50']:.2f}", f"{found['p99']:.2f}"]

    rows = [make_row("`empty_gif`, which records nothing", "nginx", "nginx")]
    for server, shown in SERVERS.items():
        keys = {f"{server}/{app}": text for app, text in APPS.items()}
        rows += [
            make_row(text, shown, key)
            for key, text in keys.items()
            if key in results["wire"]
        ]
    head = ("", "server", "requests/s", "p50, ms", "p99, ms")
    return f"{title}\n\n{make_table(head, rows)}"
