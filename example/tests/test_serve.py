"""``make demo``: how the demo is installed and starts."""

import ast
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import pytest

from tests.processes import ROOT

from .reports import find_campaigns, read_report, send
from .servers import EXAMPLE, MANAGE, Client, Server, make_environment, run_demo

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

SAMPLE = "Our news in November"


@contextmanager
def start(directory: Path) -> Iterator[tuple[Server, Client]]:
    """Run the demo as for a newcomer."""
    with run_demo(directory, sample=True) as server:
        yield server, Client(server.url)


def test_the_demo_starts_with_a_sample_to_look_at(tmp_path: Path) -> None:
    """It prints the addresses of the report and of the form, which leads to it too."""
    with start(tmp_path) as (server, client):
        output = server.read_output()
        report_url, form_url = f"{server.url}/report/", f"{server.url}/"
        page = client.get("/")
        ((path, subject),) = find_campaigns(client)
        recipients = read_report(client, SAMPLE)["recipients"]
    assert {form_url, report_url} <= set(output.split())
    assert f'<a href="{path}">see its report</a>' in page.text
    assert subject == SAMPLE
    assert len(recipients) == 7


def test_the_sample_is_added_once(tmp_path: Path) -> None:
    """A second start adds no other sample."""
    for _ in range(2):
        with start(tmp_path) as (_, client):
            assert len(find_campaigns(client)) == 1


def test_no_sample_is_added_to_other_campaigns(tmp_path: Path) -> None:
    """A demo with campaigns gets neither a sample nor a line about it."""
    with run_demo(tmp_path) as server:
        send(Client(server.url), "My own")
    with start(tmp_path) as (_, client):
        assert [subject for _, subject in find_campaigns(client)] == ["My own"]
        assert "sample" not in client.get("/").text


def test_the_form_leads_to_the_sample_until_something_is_sent(tmp_path: Path) -> None:
    """Afterwards the form doesn't mention the sample."""
    with start(tmp_path) as (_, client):
        assert "sample" in client.get("/").text
        send(client, "My own")
        assert "sample" not in client.get("/").text
        assert [subject for _, subject in find_campaigns(client)] == ["My own", SAMPLE]


def test_an_interrupted_demo_ends_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl+C is the usual end, not an error."""
    # A command in the background of a shell ignores it, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with start(tmp_path) as (server, client):
        client.get("/")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=10) == 0
        assert "Traceback" not in server.read_output()


@pytest.fixture
def taken_port() -> Iterator[str]:
    """Yield a port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def run_to_end(directory: Path, *command: str, port: str) -> tuple[int, str]:
    """Return the exit code and the output of a command that ends by itself."""
    ended = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=make_environment(DEMO_VAR=str(directory), PORT=port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout


def test_a_taken_port_is_named_in_a_sentence(tmp_path: Path, taken_port: str) -> None:
    """The command names it and a free port before it does anything else."""
    code, output = run_to_end(
        tmp_path, sys.executable, MANAGE, "serve", port=taken_port
    )
    found = re.fullmatch(
        rf"Port {taken_port} is taken by another program\. "
        r"Choose another one: make demo PORT=(\d+)\n",
        output,
    )
    assert code == 1
    assert found, output
    with socket.create_server(("127.0.0.1", int(found[1]))):
        pass
    assert list(tmp_path.iterdir()) == []


BAD_PORTS = ["", "abc", "0", "-1", "99999", "80.0", "8000 ", "٨٠٠٠"]


@pytest.mark.parametrize("port", BAD_PORTS)
def test_a_bad_port_is_named_in_a_sentence(tmp_path: Path, port: str) -> None:
    """The command names it and suggests a port."""
    code, output = run_to_end(tmp_path, sys.executable, MANAGE, "serve", port=port)
    assert code == 1
    assert re.fullmatch(
        rf'PORT="{port}" is not a port\. Choose a number: make demo PORT=\d+\n', output
    ), output


@pytest.mark.skipif(not shutil.which("make"), reason="make isn't there")
@pytest.mark.parametrize("kind", ["taken", "no port", "empty"])
def test_make_checks_the_port_before_it_installs(
    tmp_path: Path, taken_port: str, kind: str
) -> None:
    """Make prints the sentence, ends without an error and installs nothing."""
    port = {"taken": taken_port, "no port": "abc", "empty": ""}[kind]
    command = ("make", "demo", f"PORT={port}", f"VENV={tmp_path / 'venv'}")
    code, output = run_to_end(tmp_path, *command, port="8000")
    assert code == 0
    assert re.fullmatch(r"(Port|PORT)[^\n]* make demo PORT=\d+\n", output), output
    assert list(tmp_path.iterdir()) == []


def read_requirements(*extras: str) -> set[str]:
    """Return the distributions that ptrack and some of its extras need."""
    found = set()
    for requirement in metadata.requires("django-ptrack") or []:
        extra = re.search(r'extra == "(\w+)"', requirement)
        if extra is None or extra[1] in extras:
            found.add(re.split(r"[^\w-]", requirement)[0].lower())
    return found


def test_make_demo_installs_all_that_the_demo_imports() -> None:
    """The extra has the distributions of its imports, and those of ptrack.agents."""
    modules = set()
    for path in (EXAMPLE / "demo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules.update(each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module or "")
    tops = {each.partition(".")[0] for each in modules}
    known = metadata.packages_distributions()
    foreign = tops - sys.stdlib_module_names - {"demo", "ptrack"}
    assert {"django", "markdown_it"} <= foreign
    needed = {known[each][0].lower() for each in foreign}
    assert needed | read_requirements("agents") <= read_requirements("demo")
