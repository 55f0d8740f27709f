"""The code blocks of the documents that need real servers and other frameworks."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from webtest import TestApp as WebTest

import ptrack.asgi
from ptrack.core.answers import GIF
from ptrack.core.kinds import LINK
from ptrack.core.tokens import TokenBox
from tests.docs.blocks import Block, claim, read_text
from tests.docs.conftest import clean_tracker  # noqa: F401 - a fixture
from tests.docs.site import SECRET, find_path, make_site
from tests.processes import PATIENCE, ROOT, fetch, reserve_port, run_server
from tools.soak.processes import wait_until

pytestmark = pytest.mark.flaky(reruns=1)

README = "README.md"

# -- WSGI -----------------------------------------------------------------------------


@claim(README, block="import flask")
def test_flask_app_has_a_page_with_a_pixel(block: Block, recorder):
    client = WebTest(block.run()["app"])
    page = client.get("/page").text
    assert page.startswith("Welcome!<img ")
    assert client.get(find_path(page)).body == GIF
    assert recorder.hits == [(("page",), {"name": "welcome"})]


def assert_mirror_records(command: list[str], port: int, place: Path) -> None:
    """Run a mirror: it records by callbacks of both kinds, and serves nothing else."""
    shutil.copy(ROOT / "tests/integration/served/pixels.py", place)
    hits = place / "hits"
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    with run_server(*command, port=port, cwd=place, **variables):
        token = TokenBox(SECRET).encrypt("a")
        assert fetch(f"http://127.0.0.1:{port}/ptrack/{token}/")[2] == GIF
        assert fetch(f"http://127.0.0.1:{port}/")[0] == 404
    kinds = [json.loads(line)[::2] for line in hits.read_text().splitlines()]
    assert kinds == [["sync", "a"], ["async", "a"]]


@claim(README, block='gunicorn "ptrack.wsgi:mirror()"')
def test_mirror_is_served(block: Block, tmp_path: Path):
    command = block.code.replace('"', "").split()
    port = reserve_port()
    command[1:1] = ["-b", f"127.0.0.1:{port}"]
    assert_mirror_records(command, port, tmp_path)


# -- ASGI -----------------------------------------------------------------------------


@claim(README, block="from fastapi import FastAPI")
def test_fastapi_app_has_a_page_with_a_pixel(block: Block, recorder):
    client = TestClient(block.run()["app"])
    page = client.get("/page").text
    assert page.startswith("Welcome!<img ")
    assert client.get(find_path(page)).content == GIF
    assert recorder.hits == [(("page",), {"name": "welcome"})]


def test_middleware_is_added_to_starlette(recorder):
    """The test runs the line of the text as it stands."""
    line = "app.add_middleware(PtrackASGIMiddleware, secret=...)"
    assert f"`{line}`" in read_text(README)
    app = Starlette()
    exec(line.replace("...", repr(SECRET)), {"app": app, **vars(ptrack.asgi)})
    path = f"/ptrack/{TokenBox(SECRET).encrypt('a')}/"
    assert TestClient(app).get(path).content == GIF
    assert recorder.hits == [(("a",), {})]


@pytest.mark.parametrize("name", ["uvicorn", "hypercorn", "granian"])
@claim(README, block="uvicorn --factory")
def test_mirror_is_served_by_asgi(block: Block, name: str, tmp_path: Path):
    lines = block.code.replace('"', "").splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    port = reserve_port()
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
@claim(README, block="gunicorn --workers")
def test_server_serves_the_site_of_the_first_steps(
    block: Block, name: str, tmp_path: Path
):
    lines = block.code.splitlines()
    assert [line.split()[0] for line in lines] == list(SERVERS)
    line = next(line for line in lines if line.startswith(name))
    port = reserve_port()
    command = SERVERS[name](line, port)
    accepting = tmp_path / "accepting"
    accepting.touch()
    if name == "uwsgi":
        hook = ("--hook-accepting", f"appendn:{accepting} worker")
        command = ["tests.integration.uwsgi", *command[1:], *hook]
    variables = {
        "PTRACK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{ROOT}:{make_site(tmp_path)}",
    }
    with run_server(*command, port=port, cwd=tmp_path, **variables) as printed:
        token = TokenBox(SECRET).encrypt("deployed")
        url = f"http://127.0.0.1:{port}/ptrack/{token}/"
        assert fetch(url, headers={"User-Agent": "Mail/1"})[2] == GIF
        if name == "uwsgi":
            # A worker that is ended while it starts may not hear it, and uWSGI would
            # wait for it for a minute.
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


@claim("docs/operations.md", block="class PrometheusCounters")
def test_counters_are_scraped(block: Block, tmp_path: Path):
    """A real server has had a hit, a click, and requests that are neither."""
    (tmp_path / "pixels.py").write_text(block.code)
    (tmp_path / "metrics.py").write_text(METRICS)
    port = reserve_port()
    host = f"http://127.0.0.1:{port}"
    box = TokenBox(SECRET)
    link = box.derive(LINK.purpose).encrypt(f"{host}/metrics")
    command = ("metrics", str(port))
    with run_server(*command, port=port, cwd=tmp_path, PTRACK_SECRET=SECRET):
        for path in (box.encrypt(), "garbage", "x", f"{LINK.segment}{link}"):
            fetch(f"{host}/ptrack/{path}/")
        fetch(f"{host}/ptrack/{box.encrypt()}/", method="HEAD")
        text = fetch(f"{host}/metrics")[2].decode()
    found = dict(re.findall(r"^(ptrack_\w+_total\S*) (\S+)$", text, re.MULTILINE))
    assert found == {
        'ptrack_hits_total{name="open"}': "1.0",
        'ptrack_hits_total{name="click"}': "1.0",
        'ptrack_unheard_total{name="click"}': "1.0",
        'ptrack_ignored_total{reason="token"}': "2.0",
        'ptrack_ignored_total{reason="unrecorded"}': "1.0",
        'ptrack_failed_total{callback="__main__.Failing"}': "1.0",
    }
