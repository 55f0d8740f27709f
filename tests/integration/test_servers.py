"""Real servers on loopback: a Django site, another app, and the mirror, both ways."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.core.kinds import LINK
from ptrack.core.tokens import TokenBox
from tests.processes import PATIENCE, ROOT, fetch, reserve_port, run_server

pytestmark = pytest.mark.once

SECRET = "s" * 32
PREFIX = "/pixel+%C3%A9/"

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
# It refuses to serve an app that doesn't answer the events of the lifespan.
UVICORN = ["uvicorn", "--port", "{port}", "--lifespan", "on", "--factory"]
HYPERCORN = ["hypercorn", "-b", "127.0.0.1:{port}"]
GRANIAN = ["granian", "--port", "{port}", "--interface", "asgi", "--factory"]
COMMANDS |= {
    "mirror-uvicorn": [*UVICORN, f"{ASGI}:make_mirror"],
    "mirror-hypercorn": [*HYPERCORN, f"{ASGI}:make_mirror()"],
    "mirror-hypercorn-trio": [*HYPERCORN, "-k", "trio", f"{ASGI}:make_mirror()"],
    "mirror-granian": [*GRANIAN, f"{ASGI}:make_mirror"],
    "around-uvicorn": [*UVICORN, "--root-path", "/at", f"{ASGI}:make_app"],
    "around-hypercorn": [*HYPERCORN, "--root-path", "/at", f"{ASGI}:make_app()"],
    "around-granian": [*GRANIAN, "--url-path-prefix", "/at", f"{ASGI}:make_app"],
}
# uvicorn expects that a proxy has cut it off, and puts it before the path again.
MOUNTS = {"around-hypercorn": "/at", "around-granian": "/at"}
WITH_ORM = ("django-gunicorn", "django-uvicorn", "around-django")


class Served:
    def __init__(self, name: str, port: int, hits: Path) -> None:
        self.name, self.port, self._hits = name, port, hits
        self._seen = 0
        self.mount = MOUNTS.get(name, "")
        self.address = f"http://127.0.0.1:{port}{self.mount}"
        self.is_mirror = name.startswith("mirror")

    def read_hits(self) -> list[list[object]]:
        """Return the hits that came since the last call."""
        text = self._hits.read_text() if self._hits.exists() else ""
        # The server may still be writing the last line.
        whole = text[: text.rfind("\n") + 1]
        lines, self._seen = whole[self._seen :].splitlines(), len(whole)
        return [json.loads(line) for line in lines]

    def wait_for_hits(
        self, enough: Callable[[set[object]], bool]
    ) -> list[list[object]]:
        """Return the hits once their kinds are enough."""
        found: list[list[object]] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found += self.read_hits()
            if enough({kind for kind, *_ in found}):
                return found
            time.sleep(0.01)
        raise AssertionError(f"only got {found}")


@pytest.fixture(scope="module", params=COMMANDS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    port = reserve_port()
    hits = tmp_path_factory.mktemp("hits") / "hits"
    command = [part.format(port=port) for part in COMMANDS[request.param]]
    variables = {
        "PTRACK_SECRET": SECRET,
        "PTRACK_PREFIX": "/pixel+é/",
        "HITS": str(hits),
    }
    with run_server(*command, port=port, cwd=ROOT, **variables):
        yield Served(request.param, port, hits)


def make_token(*args: str) -> str:
    return TokenBox(SECRET).encrypt(*args)


def test_hit_is_recorded_by_sync_and_async_callbacks(served):
    """A third callback uses the ORM, under WSGI and ASGI servers alike."""
    url = f"{served.address}{PREFIX}{make_token('a')}/"
    status, headers, body = fetch(url, headers={"User-Agent": "Mail"})
    assert (status, body) == (200, GIF)
    for name, value in PIXEL_IMAGE.headers:
        assert headers[name] == value
    hits = served.read_hits()
    assert hits[:2] == [["sync", "Mail", "a"], ["async", "Mail", "a"]]
    assert hits[2:] == ([["orm", "Mail", "row"]] if served.name in WITH_ORM else [])


def test_failing_callback_costs_neither_the_pixel_nor_the_others(
    request: pytest.FixtureRequest, tmp_path: Path
):
    """The server is another one, because its log has to hold the traceback."""
    port, hits = reserve_port(), tmp_path / "hits"
    command = [part.format(port=port) for part in COMMANDS["mirror"]]
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    failed = pytest.raises(AssertionError, match=r"Failing failed[\s\S]*on purpose")
    with failed, run_server(*command, port=port, cwd=ROOT, **variables):
        url = f"http://127.0.0.1:{port}/ptrack/{make_token('fail')}/"
        assert fetch(url)[::2] == (200, GIF)
        assert len(hits.read_text().splitlines()) == 2


@pytest.mark.parametrize("end", ["garbage", "garbage/", "", "a/b//", "%00%FF"])
def test_garbage_gets_the_same_answer_and_is_not_recorded(served, end):
    valid = fetch(f"{served.address}{PREFIX}{make_token()}/")
    garbage = fetch(f"{served.address}{PREFIX}{end}")
    for headers in (valid[1], garbage[1]):
        headers.pop("Date", None)
    assert garbage == valid
    assert [hit[0] for hit in served.read_hits()].count("sync") == 1


def test_head_and_post_record_nothing(served):
    url = f"{served.address}{PREFIX}{make_token('a')}/"
    status, headers, body = fetch(url, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "43", b"")
    status, headers, _ = fetch(url, method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert served.read_hits() == []


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
    target = "https://h.example/?a=1"
    link = TokenBox(SECRET).derive(LINK.purpose).encrypt(target)
    url = f"{served.address}{PREFIX}{LINK.segment}{link}/"
    status, headers, body = fetch(url)
    assert (status, headers["Location"], body) == (302, target, b"")


@pytest.mark.parametrize(
    "end",
    [
        *(
            ").",
            "/)",
            "%20",
            "%0D%0A",
            "&utm_source=x",
            "%3Futm_source=x",
            ";x=1",
            "%22",
        ),
        *(
            "%E2%80%9D",
            "%E2%80%8B",
            "%C2%AD",
            "%AD",
            "%FF",
            "%00",
            "%2520",
            "/index.html",
        ),
        *(
            "%20click%20here",
            "+and+more",
            "//",
            "%2F.",
            "%5C",
            "%",
            "%zz",
            "?x",
            ".?x=%",
        ),
    ],
)
def test_damaged_link_leads_to_its_target(served, end):
    """A server decodes its path, and may not change it in any other way."""
    target = "https://h.example/"
    link = TokenBox(SECRET).derive(LINK.purpose).encrypt(target)
    for inside in ("", "=%0D%0A"):
        path = (
            f"{served.mount}{PREFIX}/{LINK.segment}{link[:30]}{inside}{link[30:]}{end}"
        )
        with send_request(served.port, path) as connection:
            head = connection.recv(4096).decode()
        assert head.partition("\r\n")[0].split()[1] == "302", path
        assert f"location: {target}\r\n" in head.replace("Location", "location")


def send_request(port: int, path: str) -> socket.socket:
    """Send a request, and don't wait for its answer."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    return connection


@pytest.mark.parametrize("hard", [True, False])
def test_client_that_goes_away_during_a_callback_is_recorded(served, hard: bool):
    """It closes its end, or sends a reset, which the server sees when it answers."""
    connection = send_request(
        served.port, f"{served.mount}{PREFIX}{make_token('slow')}/"
    )
    with connection:
        served.wait_for_hits(lambda kinds: "begun" in kinds)
        if hard:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    found = served.wait_for_hits(lambda kinds: {"sync", "async"} <= kinds)
    assert [kind for kind, *_ in found if kind != "orm"] == ["sync", "async"]
    # The server goes on.
    assert fetch(f"{served.address}{PREFIX}{make_token('b')}/")[2] == GIF
    served.wait_for_hits(lambda kinds: "async" in kinds)
    served.read_hits()


@pytest.mark.parametrize(
    "name",
    ["mirror-uvicorn", "mirror-hypercorn", "mirror-hypercorn-trio", "mirror-granian"],
)
def test_server_that_is_ended_during_a_callback_loses_no_hit(name: str, tmp_path: Path):
    port, hits = reserve_port(), tmp_path / "hits"
    command = [part.format(port=port) for part in COMMANDS[name]]
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(hits)}
    served = Served(name, port, hits)
    with run_server(*command, port=port, cwd=ROOT, **variables):
        connection = send_request(port, f"/ptrack/{make_token('slow')}/")
        served.wait_for_hits(lambda kinds: "begun" in kinds)
    connection.close()
    assert [kind for kind, *_ in served.read_hits()] == ["sync", "async"]
