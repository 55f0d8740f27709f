"""docs/deployment.md: its files run together, and its numbers are the measured ones."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.core.tokens import MAX_TOKEN_LENGTH, TokenBox
from tests.docs.blocks import ALL, Block, claim, claim_blocks
from tests.processes import ROOT, fetch, make_environment, reserve_port, run_server
from tools.soak import report
from tools.soak.deployment import files, rounds, sizing
from tools.soak.deployment.accounts import Logged, balance, read_log
from tools.soak.deployment.client import Client, Seen
from tools.soak.deployment.run import DOCUMENT, QUICK
from tools.soak.deployment.stage import MAIN, Stage, make_certificate, manage, run_stage
from tools.soak.processes import SoakError
from tools.soak.servers import SECRET
from tools.soak.service import Listener

pytestmark = pytest.mark.once

PAGE = "docs/deployment.md"
FILES = {
    str(path.relative_to(files.FILES)): path.read_text()
    for path in files.FILES.rglob("*")
    if path.is_file() and path.suffix != ".pyc"
}
UNITS = sorted(each.name for each in (files.FILES / "systemd").iterdir())
NGINX = sorted(each.name for each in (files.FILES / "nginx").iterdir())

BLOCKS = [each for each in ALL if each.document == PAGE]
SHOWN = claim_blocks((each for each in BLOCKS if each.code in FILES.values()), __file__)

UNSHOWN = {"manage.py", "recording/__init__.py", "recording/asgi.py"}
"""The files that Django makes, and one that differs by a letter from another one."""


# -- the page and the files -----------------------------------------------------------


def test_page_shows_every_file_as_it_is():
    shown = {each.code for each in SHOWN}
    assert {name for name, text in FILES.items() if text not in shown} == UNSHOWN
    others = {each.language for each in BLOCKS if each not in SHOWN}
    assert not {"ini", "nginx", "vcl"} & others


@claim(PAGE, block="/pip install")
def test_packages_to_install_exist(block: Block):
    words = block.code.split("pip install", 1)[1].split()
    extras = re.findall(r"[a-z]+", words[0].partition("[")[2])
    known = metadata.metadata("django-ptrack").get_all("Provides-Extra") or []
    assert set(extras) <= set(known)
    for name in words[1:]:
        metadata.version(name.strip('"').partition("[")[0])


@claim(PAGE, block="install -m 0600")
def test_secret_is_written_for_root_alone(block: Block, tmp_path: Path):
    code = block.code.replace("/etc/ptrack", str(tmp_path))
    code = code.replace(files.VENV, f"{files.find_program('python').parent}/")
    subprocess.run(["/bin/sh", "-e", "-c", code], cwd=files.FILES, check=True)
    for name in ("secret", "recording.env", "pgpassword"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert TokenBox((tmp_path / "secret").read_text().strip())


@claim(PAGE, block="systemctl enable")
def test_units_to_start_exist(block: Block):
    *migrating, _, command = block.code.splitlines()
    for name in command.split()[3:]:
        unit = name if "." in name else f"{name}.service"
        assert "[Install]" in files.read_file(f"systemd/{unit}")
    assert "manage.py migrate" in " ".join(migrating)


@claim(PAGE, block="systemctl enable")
def test_commands_run_by_hand_find_the_secrets(block: Block, tmp_path: Path):
    """The test replaces the migration by commands that need no database."""
    (tmp_path / "recording.env").write_text(files.read_file("recording.env"))
    (tmp_path / "secret").write_text("s" * 32)
    (tmp_path / "pgpassword").write_text("word")
    code = block.code.partition("systemctl")[0].removeprefix("sudo ")
    code = code.replace("/etc/ptrack", str(tmp_path))
    code = code.replace("/srv/recording", str(files.FILES))
    code = code.replace("venv/bin/python", str(files.find_program("python")))
    script = tmp_path / "script.py"
    script.write_text(
        "from django.db import connection\nprint(connection.settings_dict)\n"
    )
    for command in ("check --fail-level WARNING", f"shell < {script}"):
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", code.replace("migrate", command)],
            env=make_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "'PASSWORD': 'word'" in done.stdout


@claim(PAGE, block="Cache-Control: no-cache")
def test_headers_are_as_shown(block: Block):
    lines = block.code.splitlines()
    assert {tuple(line.split(": ")) for line in lines} <= set(PIXEL_IMAGE.headers)


@claim(PAGE, block="tools.soak.deployment.sizing")
def test_commands_of_the_sizing_are_modules(block: Block):
    for line in block.code.splitlines():
        assert find_spec(line.split()[-1])


def test_numbers_of_the_page_are_the_measured_ones():
    stored = report.read_between(DOCUMENT, sizing.NAME).strip()
    assert stored == sizing.write_text(*sizing.read_results()), (
        "python -m tools.soak.deployment.sizing"
    )


def test_sizing_shows_the_times_of_handing_over():
    benchmark, deployment = sizing.read_results()
    calls = {
        sizing.IN_REQUEST: {"median": 10},
        sizing.ENQUEUEING[0][1]: {"median": 900},
    }
    benchmark["per_call"].update(calls)
    text = sizing.write_text(benchmark, deployment)
    assert "| Celery and Redis | 900 | 1,111 | 90 |" in text


@claim(PAGE, block="QUICK=1")
def test_commands_of_the_page_are_in_the_makefile(block: Block):
    makefile = (files.ROOT / "Makefile").read_text()
    assert "\ndeployment:" in makefile
    assert all(line.split()[1] == "deployment" for line in block.code.splitlines())


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units(name: str, tmp_path: Path):
    programs = str(files.find_program("python").parent) + "/"
    for each in UNITS:
        text = files.read_file(f"systemd/{each}").replace(files.VENV, programs)
        (tmp_path / each).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name],
        capture_output=True,
        text=True,
        check=False,
    )
    # It may complain of other units of the machine, too.
    ours = [line for line in done.stderr.splitlines() if name in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", NGINX)
def test_nginx_takes_the_configuration(name: str, tmp_path: Path):
    make_certificate(tmp_path)
    text = files.read_file(f"nginx/{name}").replace("/var/log/nginx", str(tmp_path))
    text = re.sub(r"/etc/ssl/\S+\.pem", f"{tmp_path}/track.pem", text)
    text = re.sub(r"/etc/ssl/\S+\.key", f"{tmp_path}/track.key", text)
    (tmp_path / "mirrors.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(MAIN.format(place=tmp_path, user="root"))
    done = subprocess.run(
        ["nginx", "-t", "-c", tmp_path / "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr.replace('the "user" directive makes sense', "")


def test_secret_is_read_from_a_credential_of_systemd(tmp_path: Path):
    (tmp_path / "PTRACK_SECRET").write_text("from a credential\n")
    namespace: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        patch.setenv("PTRACK_SECRET", "from the environment")
        exec(files.read_file("recording/settings.py"), namespace)
        assert namespace["PTRACK_SECRET"] == "from a credential"
        patch.delenv("CREDENTIALS_DIRECTORY")
        exec(files.read_file("recording/settings.py"), namespace)
        assert namespace["PTRACK_SECRET"] == "from the environment"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ('["a, b c", "d"]\n', ("a, b c", "d")),
        ("a, b c\n", ("a, b c",)),
        ("", None),
    ],
)
def test_fallbacks_are_a_json_list_or_one_secret(tmp_path: Path, text, secrets):
    (tmp_path / "PTRACK_SECRET_FALLBACKS").write_text(text)
    namespace: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        patch.setenv("PTRACK_TRUSTED_PROXIES", "10.0.0.10, 10.0.1.0/24 unix:")
        exec(files.read_file("recording/settings.py"), namespace)
    assert namespace["PTRACK_SECRET_FALLBACKS"] == secrets
    proxies = namespace["PTRACK_TRUSTED_PROXIES"]
    assert proxies == ("10.0.0.10", "10.0.1.0/24", "unix:")


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"PTRACK_SECRET": "s" * 32}, set()),
        ({"PTRACK_SECRET": "short"}, {"ptrack.W001"}),
        ({"PTRACK_SECRET_FALLBACKS": "short"}, {"ptrack.W001"}),
        ({"PTRACK_SECRET_FALLBACKS": '["hidden'}, {"ptrack.E002"}),
        ({"PTRACK_TRUSTED_PROXIES": "[10.0.0.1"}, {"ptrack.E010"}),
    ],
)
def test_checks_of_the_project_report_what_it_does_not_mean_to_silence(
    variables: dict[str, str], found: set[str]
):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT / "example/deployment",
        env=make_environment(
            **{"PTRACK_SECRET": "s" * 32, "REDIS_URL": "redis://127.0.0.1"} | variables
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert set(re.findall(r"\((ptrack\.\w+)\)", done.stderr)) == found
    assert "hidden" not in done.stderr


def test_change_of_a_missing_part_is_an_error():
    with pytest.raises(SoakError, match="has no --nothing"):
        files.read_command("systemd/ptrack-worker.service", {"--nothing": ""})
    with pytest.raises(SoakError, match="starts nothing"):
        files.read_command("systemd/clear-stats.timer")
    with pytest.raises(SoakError, match=r"has no 10\.9\.9\.9"):
        files.replace_parts("nginx/mirrors.conf", {"10.9.9.9": ""})


# -- the accounts ---------------------------------------------------------------------

A, B = "a" * 32, "b" * 32
SEEN = Seen(requests=2, answered={1: 1, 2: 1})


def test_accounts_that_are_right_have_no_problem():
    log = {A: Logged(200, 1), B: Logged(302, 1)}
    assert balance(SEEN, log, [(1, A), (2, B)]).problems == []


def test_answered_request_without_a_row_is_lost():
    log = {A: Logged(200, 1), B: Logged(302, 1)}
    found = balance(SEEN, log, [(1, A)])
    assert found.lost == 1
    assert "1 hits were answered and aren't recorded" in found.problems


def test_request_may_be_lost_where_a_worker_was_killed():
    log = {A: Logged(200, 1), B: Logged(302, 1)}
    found = balance(SEEN, log, [(1, A)], allowed=1)
    assert (found.lost, found.problems) == (1, [])
    assert balance(SEEN, log, [], allowed=1).lost == 2
    assert balance(SEEN, log, [], allowed=1).problems


def test_second_row_is_explained_by_a_second_mirror_alone():
    log = {A: Logged(200, 2), B: Logged(302, 1)}
    found = balance(SEEN, log, [(1, A), (1, A), (2, B)])
    assert (found.twice, found.unexplained, found.problems) == (1, 0, [])
    found = balance(SEEN, log, [(1, A), (2, B), (2, B)])
    assert found.problems == ["1 rows are unexplained"]


def test_row_of_no_request_is_unexplained():
    log = {A: Logged(200, 1), B: Logged(302, 1)}
    found = balance(SEEN, log, [(1, A), (2, B), (2, "c" * 32)])
    assert found.unexplained == 1


def test_row_of_an_unanswered_request_is_counted():
    seen = Seen(requests=2, answered={1: 1}, wrong=1)
    log = {A: Logged(502, 1), B: Logged(200, 1)}
    found = balance(seen, log, [(1, A), (1, B)])
    assert (found.unanswered, found.problems) == (1, [])


def test_request_missing_in_the_log_is_a_disagreement():
    found = balance(SEEN, {A: Logged(200, 1)}, [(1, A)])
    assert "nginx logged 1 of 2" in found.problems


def test_line_in_another_format_is_an_error():
    with pytest.raises(ValueError, match="not a line"):
        read_log(["GET /ptrack/a-token/ HTTP/1.1"])


# -- all of it, under load ------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with run_stage(tmp_path_factory.mktemp("deployment")) as found:
        yield found


@pytest.mark.parametrize("number", range(len(QUICK)), ids=lambda n: f"round{n}")
def test_hits_survive_the_kill_of_mirrors_and_workers(running: Stage, number: int):
    """The rounds kill both at any time, and each at its worst moment.

    Each kill of a worker may lose the one hit that `Round.kills` allows.
    """
    part = QUICK[number]
    first = 1 + number * 10_000
    result = rounds.run(part.damage, running, range(first, first + part.hits))
    assert result.accounts.problems == []
    assert result.accounts.hits == part.hits
    assert "-" not in result.said, "a negative number"
    if part.damage is rounds.WORKER:
        assert result.redone > 0
    if part.damage is rounds.MIRROR:
        assert result.accounts.twice > 0


@claim(PAGE, block="too_many")
def test_rows_that_are_too_many_are_found_as_shown(block: Block, running: Stage):
    with psycopg.connect(running.database.url) as connection:
        (found,) = connection.execute(block.code).fetchone()
        rows = connection.execute(
            "SELECT count(*) FROM ptrack_stats_open GROUP BY kwargs ->> 'request_id'"
        ).fetchall()
    assert found == sum(count - 1 for (count,) in rows) > 0


def test_longest_token_passes_through_all_servers(running: Stage):
    token = TokenBox(SECRET).encrypt("x" * 5_900)
    assert MAX_TOKEN_LENGTH - 100 < len(token) <= MAX_TOKEN_LENGTH
    before = rounds.count_rows(running)
    client = Client(
        running.port, lambda _: (f"/ptrack/{token}/", None), running.context
    )
    client.load(range(4))
    assert client.seen.wrong == 0
    running.settle()
    assert rounds.count_rows(running) == before + 4


def test_no_log_has_a_token(running: Stage):
    logs = [each for each in running.place.iterdir() if "log" in each.name]
    logs += running.place.glob("*.output")
    assert len(logs) >= 6
    text = "".join(each.read_text(errors="replace") for each in logs)
    assert "/ptrack/" in text
    # A token would follow the prefix.
    assert re.findall(r"/ptrack/[\w-]{20,}", text) == []


def test_settings_pass_djangos_checks_and_rows_are_cleared(running: Stage):
    manage("check", "--fail-level", "WARNING", **running.variables)
    command = files.read_command("systemd/clear-stats.service")
    assert command[1:3] == ["manage.py", "clear_stats"]
    manage(*command[2:], **running.variables)
    assert rounds.count_rows(running) > 0


# -- caches ---------------------------------------------------------------------------

CACHE = """\
proxy_cache_path {place}/cache keys_zone=all:1m;
server {{
    listen 127.0.0.1:{port};
    proxy_cache all;
    {more}
    location / {{ proxy_pass http://127.0.0.1:{mirror}; }}
}}
"""
OVERRULED = "proxy_ignore_headers Cache-Control Expires; proxy_cache_valid 200 1h;"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[int]:
    shutil.copy(files.ROOT / "tests/integration/served/pixels.py", tmp_path)
    port = reserve_port()
    command = ("gunicorn", "-b", f"127.0.0.1:{port}", "ptrack.wsgi:mirror()")
    variables = {"PTRACK_SECRET": SECRET, "HITS": str(tmp_path / "hits")}
    with run_server(*command, port=port, cwd=tmp_path, **variables):
        yield port


def count_recorded(place: Path) -> int:
    hits = (place / "hits").read_text().splitlines()
    return sum(json.loads(line)[0] == "sync" for line in hits)


def load_twice(port: int) -> None:
    token = TokenBox(SECRET).encrypt("a")
    for _ in range(2):
        assert fetch(f"http://127.0.0.1:{port}/ptrack/{token}/")[2] == GIF


@pytest.mark.parametrize(("more", "hits"), [("", 2), (OVERRULED, 1)])
def test_nginx_caches_hits_only_where_headers_are_overruled(
    tmp_path: Path, mirror: int, more: str, hits: int
):
    port = reserve_port()
    text = CACHE.format(place=tmp_path, port=port, mirror=mirror, more=more)
    (tmp_path / "mirrors.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(MAIN.format(place=tmp_path, user="root"))
    command = ["nginx", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)]
    with Listener(command, tmp_path, "proxy", port):
        load_twice(port)
    assert count_recorded(tmp_path) == hits


SITE = """\
vcl 4.1;

backend site {{
    .host = "127.0.0.1";
    .port = "{port}";
}}

include "{place}/ptrack.vcl";
"""


def test_varnish_passes_hits_on_as_shown(tmp_path: Path, mirror: int):
    port = reserve_port()
    text = files.replace_parts("varnish/ptrack.vcl", {"8000": str(mirror)})
    (tmp_path / "ptrack.vcl").write_text(text)
    (tmp_path / "site.vcl").write_text(SITE.format(place=tmp_path, port=reserve_port()))
    command = [
        *("varnishd", "-F", "-a", f"127.0.0.1:{port}", "-n", str(tmp_path / "work")),
        *("-f", str(tmp_path / "site.vcl"), "-s", "malloc,16m", "-j", "none"),
    ]
    with Listener(command, tmp_path, "proxy", port):
        load_twice(port)
    assert count_recorded(tmp_path) == 2
