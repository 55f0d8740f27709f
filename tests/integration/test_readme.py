"""README's first steps, done as a reader does them, from an empty directory."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tests.docs.blocks import ALL, claim_blocks
from tests.docs.site import SECRET
from tests.processes import make_environment, reserve_port

pytestmark = pytest.mark.once

STEPS = claim_blocks((block for block in ALL if block.has("## First steps")), __file__)


def find_step(language: str) -> str:
    [code] = [block.code for block in STEPS if block.language == language]
    return code


def write_script(port: int) -> Iterator[str]:
    """Yield the lines that the reader types, and paste each file to its place.

    Only the port differs: another program may listen on Django's.
    """
    for block in STEPS:
        if block.language == "sh":
            yield block.code.replace("runserver", f"runserver {port}")
        elif block.language == "python":
            [path] = re.findall(r"`(\w+/\w+\.py)`", block.lead)
            code = block.code.replace("8000", str(port))
            yield f"cat >> {path} <<'END'\n{code}END\n"


def run(*command: str, cwd: Path, **variables: str) -> str:
    """Run a command with nothing of this project in reach; return all its output."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        env=make_environment(
            PATH=path, PYTHONPATH="", PYTHONUNBUFFERED="", **variables
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that was empty."""
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def output(place: Path, wheel: Path) -> str:
    """Return the text on the reader's screen.

    The package's name stands for the wheel that is built from here.
    """
    constraints = wheel.with_name("constraints.txt")
    constraints.write_text(f"django-ptrack @ {wheel.as_uri()}\n")
    [end] = re.findall(r"`(kill %1)`", STEPS[-2].lead)
    # The first line ends the server where a command fails.
    trap = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    script = "".join([trap, *write_script(reserve_port()), f"{end}\nwait\n"])
    # "-m": jobs have numbers, as in a terminal.
    command = ("bash", "-e", "-m", "-c", script)
    return run(*command, cwd=place, PIP_CONSTRAINT=str(constraints))


def test_open_is_seen_as_shown(output: str, place: Path):
    shown = re.sub(r"curl/[\d.]+", "curl/VERSION", find_step("text"))
    assert shown in re.sub(r"curl/[\d.]+", "curl/VERSION", output)
    assert (place / "mysite/pixel.gif").read_bytes() == GIF


def test_wheel_alone_is_installed(output: str, place: Path):
    command = "import ptrack; print(ptrack.__file__)"
    found = run("../env/bin/python", "-c", command, cwd=place / "mysite")
    assert found.startswith(str(place / "env"))


def test_site_passes_djangos_checks(output: str, place: Path):
    command = ("../env/bin/python", "manage.py", "check", "--fail-level", "WARNING")
    run(*command, cwd=place / "mysite", PTRACK_SECRET=SECRET)


def test_tag_renders_the_pixel(output: str, place: Path):
    code = (
        "from types import SimpleNamespace\n"
        "from django.template import engines\n"
        "user = SimpleNamespace(email='ada@example.com')\n"
        f"template = engines['django'].from_string({find_step('html')!r})\n"
        "print(template.render({'user': user}))\n"
    )
    command = ("../env/bin/python", "manage.py", "shell", "-v", "0", "-c", code)
    tag = run(*command, cwd=place / "mysite", PTRACK_SECRET=SECRET)
    [token] = re.findall(
        r'<img src="http://[\d.:]+/ptrack/(\S+)/" width="1" height="1" alt="">', tag
    )
    hit = TokenBox(SECRET).decrypt(token)
    assert hit == (["newsletter"], {"recipient": "ada@example.com", "campaign": 7})
