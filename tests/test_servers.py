"""Real servers on loopback: the Django site by WSGI and ASGI, and the mirror."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptrack.encoder import TokenBox
from ptrack.pixel import GIF, PIXEL
from tests.processes import ROOT, fetch, free_port, server

SECRET = "s" * 32
PREFIX = "/pixel%20%C3%A9/"

COMMANDS = {
    "django-gunicorn": ["gunicorn", "-b", "127.0.0.1:{port}", "tests.served.site:wsgi"],
    "django-uvicorn": ["uvicorn", "--port", "{port}", "tests.served.site:asgi"],
    "around-django": ["gunicorn", "-b", "127.0.0.1:{port}", "tests.served.site:around"],
    "mirror": [
        "gunicorn",
        "-b",
        "127.0.0.1:{port}",
        "ptrack.wsgi:mirror(pixels='tests.served.pixels')",
    ],
}


class Served:
    def __init__(self, name: str, port: int, hits: Path) -> None:
        self.name, self.port, self._hits = name, port, hits
        self.address = f"http://127.0.0.1:{port}"

    def hits(self) -> list[list[object]]:
        lines = self._hits.read_text().splitlines() if self._hits.exists() else []
        self._hits.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module", params=COMMANDS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    port = free_port()
    hits = tmp_path_factory.mktemp("hits") / "hits"
    command = [part.format(port=port) for part in COMMANDS[request.param]]
    variables = {
        "PTRACK_SECRET": SECRET,
        "PTRACK_PREFIX": "/pixel é/",
        "HITS": str(hits),
    }
    with server(*command, port=port, cwd=ROOT, **variables):
        yield Served(request.param, port, hits)


def token(*args: str) -> str:
    return TokenBox(SECRET).encrypt(*args)


def test_hit_is_recorded_by_sync_and_async_callbacks(served):
    """And by one that uses the ORM, under a WSGI and an ASGI server alike."""
    url = f"{served.address}{PREFIX}{token('a')}/"
    status, headers, body = fetch(url, headers={"User-Agent": "Mail"})
    assert (status, body) == (200, GIF)
    for name, value in PIXEL.headers:
        assert headers[name] == value
    hits = served.hits()
    assert hits[:2] == [["sync", "Mail", "a"], ["async", "Mail", "a"]]
    assert hits[2:] == ([] if served.name == "mirror" else [["orm", "Mail", "row"]])


def test_failing_callback_costs_neither_the_pixel_nor_the_others(
    request: pytest.FixtureRequest, tmp_path: Path
):
    """In a server of its own: its log is expected to hold the traceback."""
    port, hits = free_port(), tmp_path / "hits"
    command = [part.format(port=port) for part in COMMANDS["mirror"]]
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    failed = pytest.raises(AssertionError, match=r"Failing failed[\s\S]*on purpose")
    with failed, server(*command, port=port, cwd=ROOT, **variables):
        url = f"http://127.0.0.1:{port}/ptrack/{token('fail')}/"
        assert fetch(url)[::2] == (200, GIF)
        assert len(hits.read_text().splitlines()) == 2


@pytest.mark.parametrize("end", ["garbage", "garbage/", "", "a/b//", "%00%FF"])
def test_garbage_gets_the_same_answer_and_is_not_recorded(served, end):
    valid = fetch(f"{served.address}{PREFIX}{token()}/")
    garbage = fetch(f"{served.address}{PREFIX}{end}")
    for headers in (valid[1], garbage[1]):
        headers.pop("Date", None), headers.pop("date", None)
    assert garbage == valid
    assert [hit[0] for hit in served.hits()].count("sync") == 1


def test_head_and_post_record_nothing(served):
    url = f"{served.address}{PREFIX}{token('a')}/"
    status, headers, body = fetch(url, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "43", b"")
    status, headers, _ = fetch(url, method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert served.hits() == []


def test_every_other_path_is_the_apps(served):
    status, _, body = fetch(f"{served.address}/page/")
    assert (status, body) == (
        (404, b"Not Found\n") if served.name == "mirror" else (200, b"page")
    )


def test_connection_serves_on_after_a_hit(served):
    """Two requests on one connection: lengths and bodies agree."""
    request = f"GET {PREFIX}x HTTP/1.1\r\nHost: h\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(f"{request}\r\n{request}Connection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    # gunicorn's sync worker closes after the first, and says so.
    assert answer.count(GIF) == answer.count(b"HTTP/1.1 200 OK")
    assert GIF in answer
