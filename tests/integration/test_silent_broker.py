"""A broker that accepts connections and never answers, behind real servers."""

import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tests.processes import PATIENCE, fetch, reserve_port, run_server

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

SECRET = "s" * 32
SERVED = "tests.integration.served.waiting"
HITS = 30

COMMANDS = {
    "asgi": ["uvicorn", "--port", "{}", "--factory", f"{SERVED}:make_asgi"],
    "django": ["uvicorn", "--port", "{}", "--factory", f"{SERVED}:make_django"],
    "wsgi": [
        *("gunicorn", "-b", "127.0.0.1:{}", "-k", "gthread", "--threads", "40"),
        f"{SERVED}:make_wsgi()",
    ],
}


@pytest.fixture
def broker() -> Iterator[str]:
    """Yield the URL of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.parametrize("name", COMMANDS)
def test_all_hits_are_answered_and_recorded_and_the_app_goes_on(
    name: str, broker: str, tmp_path: Path
):
    port = reserve_port()
    url = f"http://127.0.0.1:{port}"
    recorded = tmp_path / "recorded"
    command = [part.format(port) for part in COMMANDS[name]]
    variables = {"BROKER": broker, "RECORDED": str(recorded), "PTRACK_SECRET": SECRET}

    def open_mail(number: int) -> bytes:
        return fetch(f"{url}/ptrack/{TokenBox(SECRET).encrypt(number)}/")[2]

    with (
        run_server(*command, port=port, cwd=tmp_path, **variables) as printed,
        ThreadPoolExecutor(HITS) as pool,
    ):
        hits = [pool.submit(open_mail, number) for number in range(HITS)]
        done, _ = wait(hits, timeout=1, return_when=FIRST_COMPLETED)
        pages = [fetch(f"{url}/page")[2] for _ in range(5)]
        # The page needs a thread of the app's, and all hits still wait.
        assert not done
        assert not any(hit.done() for hit in hits)
        assert pages == [b"page"] * 5
        assert {hit.result(PATIENCE) for hit in hits} == {GIF}
        # The broker is left alone: no more than one of these waits for it.
        assert {*pool.map(open_mail, range(HITS, 2 * HITS))} == {GIF}
    assert sorted(map(int, recorded.read_text().split())) == [*range(2 * HITS)]
    reasons = Counter(
        line.rpartition(" ")[2] for line in printed if "which runs at once" in line
    )
    assert reasons.total() == 2 * HITS
    assert reasons["EnginePausedError"] >= HITS - 1
