"""Real servers on loopback: a Django site, another app, and the mirror, both ways."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ptrack.core.answers import GIF, PIXEL
from ptrack.core.tokens import TokenBox
from tests.processes import PATIENCE, ROOT, fetch, free_port, server

pytestmark = pytest.mark.once

SECRET = "s" * 32
PREFIX = "/pixel%20%C3%A9/"

SITE = "tests.integration.served.site"
GUNICORN = ["gunicorn", "-b", "127.0.0.1:{port}"]
COMMANDS = {
    "django-gunicorn": [*GUNICORN, f"{SITE}:wsgi"],
    "django-uvicorn": ["uvicorn", "--port", "{port}", f"{SITE}:asgi"],
    "around-django": [*GUNICORN, f"{SITE}:around"],
    "mirror": [
        *GUNICORN,
        "ptrack.wsgi:mirror(pixels='tests.integration.served.pixels')",
    ],
}

ASGI = "tests.integration.served.asgi"
# It refuses to serve what doesn't answer the lifespan's events.
UVICORN = ["uvicorn", "--port", "{port}", "--lifespan", "on", "--factory"]
HYPERCORN = ["hypercorn", "-b", "127.0.0.1:{port}"]
GRANIAN = ["granian", "--port", "{port}", "--interface", "asgi", "--factory"]
COMMANDS |= {
    "mirror-uvicorn": [*UVICORN, f"{ASGI}:alone"],
    "mirror-hypercorn": [*HYPERCORN, f"{ASGI}:alone()"],
    "mirror-hypercorn-trio": [*HYPERCORN, "-k", "trio", f"{ASGI}:alone()"],
    "mirror-granian": [*GRANIAN, f"{ASGI}:alone"],
    "around-uvicorn": [*UVICORN, "--root-path", "/at", f"{ASGI}:around"],
    "around-hypercorn": [*HYPERCORN, "--root-path", "/at", f"{ASGI}:around()"],
    "around-granian": [*GRANIAN, "--url-path-prefix", "/at", f"{ASGI}:around"],
}
# uvicorn takes it for what a proxy has cut off, and puts it before the path again.
MOUNTS = {"around-hypercorn": "/at", "around-granian": "/at"}
WITH_ORM = ("django-gunicorn", "django-uvicorn", "around-django")


class Served:
    def __init__(self, name: str, port: int, hits: Path) -> None:
        self.name, self.port, self._hits = name, port, hits
        self._seen = 0
        self.mount = MOUNTS.get(name, "")
        self.address = f"http://127.0.0.1:{port}{self.mount}"
        self.is_mirror = name.startswith("mirror")

    def hits(self) -> list[list[object]]:
        """Give those that came since the last time."""
        text = self._hits.read_text() if self._hits.exists() else ""
        # The last may still be being written.
        whole = text[: text.rfind("\n") + 1]
        lines, self._seen = whole[self._seen :].splitlines(), len(whole)
        return [json.loads(line) for line in lines]

    def hits_once(self, enough: Callable[[set[object]], bool]) -> list[list[object]]:
        """Give the hits as soon as their kinds are those that are waited for."""
        found: list[list[object]] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found += self.hits()
            if enough({kind for kind, *_ in found}):
                return found
            time.sleep(0.01)
        raise AssertionError(f"only got {found}")


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
    assert hits[2:] == ([["orm", "Mail", "row"]] if served.name in WITH_ORM else [])


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
        headers.pop("Date", None)
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
        (404, b"Not Found\n") if served.is_mirror else (200, b"page")
    )


def test_connection_serves_on_after_a_hit(served):
    """Two requests on one connection: lengths and bodies agree."""
    request = f"GET {served.mount}{PREFIX}x HTTP/1.1\r\nHost: h\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(f"{request}\r\n{request}Connection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    # gunicorn's sync worker closes after the first, and says so.
    assert answer.count(GIF) == answer.count(b"HTTP/1.1 200 ")
    assert GIF in answer


def test_link_leads_to_its_target(served):
    link = TokenBox(SECRET).derived(b"ptrack link").encrypt("https://h.example/?a=1")
    status, headers, body = fetch(f"{served.address}{PREFIX}link/{link}/")
    target = "https://h.example/?a=1"
    assert (status, headers["Location"], body) == (302, target, b"")


def begin(port: int, path: str) -> socket.socket:
    """Send a request, and don't wait for its answer."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return connection


@pytest.mark.parametrize("hard", [True, False])
def test_client_that_goes_away_during_a_callback_costs_no_record(served, hard: bool):
    """By closing its end, or by a reset that the server's answer runs into."""
    connection = begin(served.port, f"{served.mount}{PREFIX}{token('slow')}/")
    with connection:
        served.hits_once(lambda kinds: "begun" in kinds)
        if hard:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    found = served.hits_once(lambda kinds: {"sync", "async"} <= kinds)
    assert [kind for kind, *_ in found if kind != "orm"] == ["sync", "async"]
    # And it goes on serving.
    assert fetch(f"{served.address}{PREFIX}{token('b')}/")[2] == GIF
    served.hits_once(lambda kinds: "async" in kinds)
    served.hits()


@pytest.mark.parametrize(
    "name",
    ["mirror-uvicorn", "mirror-hypercorn", "mirror-hypercorn-trio", "mirror-granian"],
)
def test_server_that_is_ended_during_a_callback_costs_no_record(
    name: str, tmp_path: Path
):
    port, hits = free_port(), tmp_path / "hits"
    command = [part.format(port=port) for part in COMMANDS[name]]
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    served = Served(name, port, hits)
    with server(*command, port=port, cwd=ROOT, **variables):
        connection = begin(port, f"/ptrack/{token('slow')}/")
        served.hits_once(lambda kinds: "begun" in kinds)
    connection.close()
    assert [kind for kind, *_ in served.hits()] == ["sync", "async"]
