"""Real servers whose callbacks call ``sys.exit``: they answer, record, and go on."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tests.processes import PATIENCE, ROOT, fetch, reserve_port, run_server

from .served.ways import WAYS

pytestmark = pytest.mark.once

SECRET = "s" * 32
APPS = "tests.integration.served.exits"
SITE = "tests.integration.served.exiting_site"
GUNICORN = ["gunicorn", "-b", "127.0.0.1:{port}"]
UVICORN = ["uvicorn", "--port", "{port}"]
GRANIAN = ["granian", "--port", "{port}", "--factory", "--interface"]
UWSGI = ["tests.integration.uwsgi", "--http-socket", "127.0.0.1:{port}"]

IN_MAIN_THREAD = {
    # It logs an exit as an error.
    "gunicorn": [*GUNICORN, "--log-level", "critical", f"{APPS}:make_wsgi()"],
    "django-gunicorn": [*GUNICORN, f"{SITE}:wsgi"],
    "uwsgi": [
        *UWSGI,
        "--enable-threads",
        "--need-app",
        "--module",
        f"{APPS}:make_wsgi()",
    ],
}
"""Sync servers whose callbacks run in the main thread, where ``sys.exit`` goes on."""

COMMANDS = {
    **IN_MAIN_THREAD,
    "gunicorn-gthread": [*GUNICORN, "--threads", "2", f"{APPS}:make_wsgi()"],
    "waitress": [
        "waitress",
        "--listen",
        "127.0.0.1:{port}",
        "--call",
        f"{APPS}:make_wsgi",
    ],
    "granian-wsgi": [*GRANIAN, "wsgi", f"{APPS}:make_wsgi"],
    "uvicorn": [*UVICORN, "--factory", f"{APPS}:make_asgi"],
    "granian-asgi": [*GRANIAN, "asgi", f"{APPS}:make_asgi"],
    "hypercorn": ["hypercorn", "-b", "127.0.0.1:{port}", f"{APPS}:make_asgi()"],
    "hypercorn-trio": [
        *("hypercorn", "-b", "127.0.0.1:{port}", "-k", "trio"),
        f"{APPS}:make_asgi()",
    ],
    "django-uvicorn": [*UVICORN, f"{SITE}:asgi"],
}
KINDS = ("sync", "async", "async later")
ENDING = {("sync", way) for way in ("exit", "quit", "SystemExit")}


class Served:
    def __init__(self, name: str, port: int, hits: Path) -> None:
        self.name, self._hits = name, hits
        path = "pixel+%C3%A9" if name.startswith("django") else "ptrack"
        self._prefix = f"http://127.0.0.1:{port}/{path}/"

    def make_url(self, kind: str, way: str) -> str:
        return f"{self._prefix}{TokenBox(SECRET).encrypt(kind, way)}/"

    def read_hits(self) -> list[tuple[str, str, int]]:
        text = self._hits.read_text() if self._hits.exists() else ""
        lines = map(json.loads, text.splitlines())
        # The site has callbacks of its own, which write lists.
        return [tuple(line.values()) for line in lines if isinstance(line, dict)]

    def wait_for(self, kind: str) -> int:
        """Wait for a hit; return the process that has it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for found, _, process in self.read_hits():
                if found == kind:
                    return process
            time.sleep(0.01)
        raise AssertionError(f"no {kind}")


def serve(name: str, tmp_path: Path) -> Iterator[Served]:
    port, hits = reserve_port(), tmp_path / "hits"
    command = [part.format(port=port) for part in COMMANDS[name]]
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    with run_server(*command, port=port, cwd=ROOT, **variables):
        yield Served(name, port, hits)


@pytest.fixture(params=COMMANDS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    yield from serve(request.param, tmp_path)


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Served]:
    yield from serve("gunicorn", tmp_path)


def test_server_goes_on_and_the_other_callbacks_have_recorded(served: Served):
    """All in one process: none was replaced. The log fails too, and costs nothing."""
    expected = []
    for kind in KINDS:
        for way in WAYS:
            if served.name in IN_MAIN_THREAD and (kind, way) in ENDING:
                continue
            assert fetch(served.make_url(kind, way))[::2] == (200, GIF), (kind, way)
            expected += [(kind, way), (f"{kind} again", way)]
    assert fetch(served.make_url("none", ""))[::2] == (200, GIF)
    expected += [("none", ""), ("none again", "")]
    hits = served.read_hits()
    assert [(kind, way) for kind, way, _ in hits] == expected
    assert len({process for *_, process in hits}) == 1


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for_end(process: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_gone(process):
        assert time.monotonic() < deadline, "the worker doesn't end"
        time.sleep(0.01)


@pytest.mark.parametrize("name", [signal.SIGQUIT, signal.SIGINT, signal.SIGABRT])
def test_signal_ends_a_worker_of_gunicorn_during_a_callback(
    gunicorn: Served, name: signal.Signals
):
    """Its handlers call `sys.exit`; by SIGABRT gunicorn ends a worker that hangs."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fetch, gunicorn.make_url("wait", str(PATIENCE * 3)))
        worker = gunicorn.wait_for("begun")
        os.kill(worker, name)
        wait_for_end(worker)
        assert asked.result(PATIENCE)[0] == 500
    # The next callback didn't run, and another worker serves.
    assert [kind for kind, *_ in gunicorn.read_hits()] == ["begun"]
    assert fetch(gunicorn.make_url("none", ""))[::2] == (200, GIF)
    assert gunicorn.wait_for("none") != worker


def test_worker_of_gunicorn_that_is_to_end_ends_after_its_callbacks(gunicorn: Served):
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fetch, gunicorn.make_url("wait", "0.5"))
        worker = gunicorn.wait_for("begun")
        os.kill(worker, signal.SIGTERM)
        assert asked.result(PATIENCE)[::2] == (200, GIF)
        wait_for_end(worker)
    kinds = [kind for kind, *_ in gunicorn.read_hits()]
    assert kinds == ["begun", "wait", "wait again"]


def test_exit_in_the_main_thread_is_left_to_the_server(gunicorn: Served):
    """The documentation says so: it can't be told from the exit of a signal handler."""
    assert fetch(gunicorn.make_url("sync", "exit"))[0] == 500
    assert fetch(gunicorn.make_url("none", ""))[::2] == (200, GIF)
    assert [kind for kind, *_ in gunicorn.read_hits()] == ["none", "none again"]
