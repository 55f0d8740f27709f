"""The documentation: its blocks with real servers and other frameworks."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from webtest import TestApp as WebTest

import ptrack
import ptrack.asgi
from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tools.soak.processes import wait_until
from tests.pages import run
from tests.processes import PATIENCE, ROOT, fetch, free_port, server
from tests.recording import emptied
from tests.test_docs import OPERATIONS, README, SECRET, block, project

pytestmark = pytest.mark.flaky(reruns=1)


@pytest.fixture(autouse=True)
def clean_tracker() -> Iterator[None]:
    """What a block registers is gone with its test."""
    with emptied(ptrack.tracker):
        yield


# -- WSGI -----------------------------------------------------------------------------


def test_flask_works_as_shown(recorder):
    app = run(block("import flask"))["app"]
    client = WebTest(app)
    page = client.get("/page").text
    assert page.startswith("Welcome!<img ")
    path = page.partition("https://www.example.com")[2].partition('"')[0]
    assert client.get(path).body == GIF
    assert recorder.hits == [(("page",), {"name": "welcome"})]


def assert_mirror_records(
    command: list[str], port: int, place: Path, secret: str = SECRET
) -> None:
    """Run a mirror: it records by callbacks of both kinds, and serves nothing else."""
    shutil.copy(ROOT / "tests/integration/served/pixels.py", place)
    hits = place / "hits"
    variables = {"PTRACK_SECRET": secret, "HITS": str(hits)}
    with server(*command, port=port, cwd=place, **variables):
        token = TokenBox(secret).encrypt("a")
        assert fetch(f"http://127.0.0.1:{port}/ptrack/{token}/")[2] == GIF
        assert fetch(f"http://127.0.0.1:{port}/")[0] == 404
    kinds = [json.loads(line)[::2] for line in hits.read_text().splitlines()]
    assert kinds == [["sync", "a"], ["async", "a"]]


def test_mirror_is_served_as_shown(tmp_path: Path):
    setting, *command = block("ptrack.wsgi:mirror()").replace('"', "").split()
    name, _, secret = setting.partition("=")
    port = free_port()
    command[1:1] = ["-b", f"127.0.0.1:{port}"]
    assert name == "PTRACK_SECRET"
    assert_mirror_records(command, port, tmp_path, secret)


# -- ASGI -----------------------------------------------------------------------------


def test_fastapi_works_as_shown(recorder):
    client = TestClient(run(block("from fastapi import FastAPI"))["app"])
    page = client.get("/page").text
    assert page.startswith("Welcome!<img ")
    path = page.partition("https://www.example.com")[2].partition('"')[0]
    assert client.get(path).content == GIF
    assert recorder.hits == [(("page",), {"name": "welcome"})]


def test_middleware_is_added_as_said(recorder):
    """With the very line of the text."""
    said = "app.add_middleware(PtrackASGIMiddleware, secret=...)"
    assert f"`{said}`" in README
    app = Starlette()
    exec(said.replace("...", repr(SECRET)), {"app": app, **vars(ptrack.asgi)})
    path = f"/ptrack/{TokenBox(SECRET).encrypt('a')}/"
    assert TestClient(app).get(path).content == GIF
    assert recorder.hits == [(("a",), {})]


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian"])
def test_asgi_mirror_is_served_as_shown(name: str, tmp_path: Path):
    lines = block("uvicorn --factory").replace('"', "").splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    port = free_port()
    option = (
        ["-b", f"127.0.0.1:{port}"] if name == "hypercorn" else ["--port", str(port)]
    )
    command = [*line.split(), *option]
    assert_mirror_records(command, port, tmp_path)


# -- deployment -----------------------------------------------------------------------

SERVERS: dict[str, Callable[[str, int], list[str]]] = {
    "gunicorn": lambda line, port: [*line.split(), "-b", f"127.0.0.1:{port}"],
    "uwsgi": lambda line, port: (
        [*line.replace("8000", str(port)).split(), "--die-on-term", "--need-app"]
    ),
    "uvicorn": lambda line, port: [*line.split(), "--port", str(port)],
}


@pytest.mark.parametrize("name", SERVERS)
def test_server_serves_the_first_screens_site_as_shown(name: str, tmp_path: Path):
    lines = block("gunicorn --workers").splitlines()
    line = next(line for line in lines if line.startswith(name))
    port = free_port()
    command = SERVERS[name](line, port)
    accepting = tmp_path / "accepting"
    accepting.touch()
    if name == "uwsgi":
        hook = ("--hook-accepting", f"appendn:{accepting} worker")
        command = ["tests.integration.uwsgi", *command[1:], *hook]
    variables = {
        "PTRACK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{ROOT}:{project(tmp_path)}",
    }
    with server(*command, port=port, cwd=tmp_path, **variables) as printed:
        token = TokenBox(SECRET).encrypt("deployed")
        url = f"http://127.0.0.1:{port}/ptrack/{token}/"
        assert fetch(url, headers={"User-Agent": "Mail/1"})[2] == GIF
        if name == "uwsgi":
            # One that is ended while it starts may not hear it, and uWSGI would have a
            # minute's mercy with it.
            workers = ["worker"] * 2
            wait_until(
                lambda: accepting.read_text().split() == workers, PATIENCE, "no workers"
            )
    assert printed.count("opened: ('deployed',) {} Mail/1") == 1


METRICS = """
import logging, sys
logging.disable()
from prometheus_client import make_wsgi_app
import ptrack
from ptrack.wsgi import PtrackWSGIMiddleware
from wsgiref.simple_server import make_server
application = PtrackWSGIMiddleware(make_wsgi_app())
class Failing(ptrack.TrackingPixel):
    def record(self, request, *args):
        raise OSError
ptrack.tracker.register(Failing)
make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""


def test_counters_are_scraped_as_shown(tmp_path: Path):
    """From a real server, after a hit, a click, and requests that are neither."""
    recipe = block("class PrometheusCounters", document=OPERATIONS)
    (tmp_path / "pixels.py").write_text(recipe)
    (tmp_path / "metrics.py").write_text(METRICS)
    port = free_port()
    host = f"http://127.0.0.1:{port}"
    box = TokenBox(SECRET)
    link = box.derived(b"ptrack link").encrypt(f"{host}/metrics")
    command = ("metrics", str(port))
    with server(*command, port=port, cwd=tmp_path, PTRACK_SECRET=SECRET):
        for path in (box.encrypt(), "garbage", "x", f"link/{link}"):
            fetch(f"{host}/ptrack/{path}/")
        text = fetch(f"{host}/metrics")[2].decode()
    found = dict(re.findall(r"^(ptrack_\w+_total\S*) (\S+)$", text, re.MULTILINE))
    assert found == {
        "ptrack_hits_total": "1.0",
        "ptrack_clicks_total": "1.0",
        'ptrack_ignored_total{reason="token"}': "2.0",
        'ptrack_failed_total{callback="__main__.Failing"}': "1.0",
    }
