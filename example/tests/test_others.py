"""The other examples: the Flask app and the mirror."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tests.processes import reserve_port

from .mails import find_pixel
from .servers import BROWSER, EXAMPLE, SECRET, Client, make_environment, run_server

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


def test_the_flask_app_prints_the_arguments_of_its_pixel(tmp_path: Path) -> None:
    """Flask's page has a pixel, and its hit is printed."""
    port = reserve_port()
    command = str(EXAMPLE / "flask_app.py")
    with run_server(command, port=port, log=tmp_path / "log") as server:
        client = Client(server.url)
        assert client.get("/elsewhere").status == 404
        assert client.get(find_pixel(client.get("/"))).body == GIF
        line = server.wait_for_output('"kwargs"')
    assert json.loads(line) == {"args": ["hello"], "kwargs": {"page": "home"}}


def list_mirror_commands(port: int) -> dict[str, list[str]]:
    gunicorn = ["-m", "gunicorn", "--chdir", str(EXAMPLE), "mirror:application"]
    return {
        "gunicorn": [*gunicorn, "--bind", f"127.0.0.1:{port}", "--workers", "2"],
        "wsgiref": [str(EXAMPLE / "mirror.py")],
    }


@pytest.mark.parametrize("kind", ["gunicorn", "wsgiref"])
def test_the_mirror_prints_a_line_per_hit(tmp_path: Path, kind: str) -> None:
    """The mirror answers pixels and nothing else, and prints each hit as JSON."""
    port = reserve_port()
    command = list_mirror_commands(port)[kind]
    token = TokenBox(SECRET).encrypt("one\ntwo", campaign=7, name="Grüße")
    log = tmp_path / "log"
    with run_server(*command, port=port, log=log, PTRACK_PREFIX="/p/") as server:
        client = Client(server.url)
        assert client.get("/").status == 404
        assert client.get("/ptrack/x/").status == 404
        assert client.get("/p/forged/").body == GIF
        assert client.get(f"/p/{token}/").body == GIF
        hit = json.loads(server.wait_for_output('"kwargs"'))
    assert hit["args"] == ["one\ntwo"]
    assert hit["kwargs"] == {"campaign": 7, "name": "Grüße"}
    assert hit["address"] == "127.0.0.1"
    assert hit["user_agent"] == BROWSER
    assert server.read_output().count('"kwargs"') == 1
    assert SECRET not in server.read_output()


def test_the_demo_makes_a_secret_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    """All processes that start at once have the same one."""
    environment = make_environment(DEMO_VAR=str(tmp_path))
    del environment["PTRACK_SECRET"]
    command = "from demo import settings; print(settings.PTRACK_SECRET)"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", command],
            cwd=EXAMPLE,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    secrets = {each.communicate(timeout=60)[0].strip() for each in started}
    (secret,) = secrets
    assert len(secret) == 32
    assert [each.name for each in tmp_path.iterdir()] == ["ptrack-secret"]
    assert (tmp_path / "ptrack-secret").stat().st_mode & 0o077 == 0


def test_the_mirror_needs_a_secret() -> None:
    """Without a secret it doesn't start, and prints the missing setting."""
    ended = subprocess.run(
        [sys.executable, EXAMPLE / "mirror.py"],
        check=False,
        capture_output=True,
        env=make_environment(PTRACK_SECRET=""),
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "PTRACK_SECRET is not set" in ended.stderr
