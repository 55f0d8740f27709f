"""docs/operations.md and SECURITY.md: their code blocks do as the text says."""

import json
import re
from pathlib import Path

from ptrack.core.tokens import TokenBox
from tests.processes import ROOT, run_python

from .blocks import Block, check_make, claim, run_shell
from .site import SECRET, make_site

OPERATIONS = "docs/operations.md"


@claim("SECURITY.md", block="ptrack secret")
def test_command_of_the_security_page_prints_a_strong_secret(block: Block):
    assert_strong(block)


@claim(OPERATIONS, block="ptrack secret\n")
def test_command_prints_a_strong_secret(block: Block):
    assert_strong(block)


def assert_strong(block: Block) -> None:
    secret = block.run_in_shell().strip()
    assert TokenBox(secret)
    assert len(secret) == 32


FAIL = """
import ptrack

@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    def record(self, request, **kwargs): raise LookupError("on purpose")

"""


def assert_logged_as_set_up(errors: str) -> None:
    """The failure is there with its time and traceback, and garbage isn't."""
    pattern = r"^\d{4}-\d\d-\d\d [\d:,]+ ERROR ptrack: Callback \S+ failed$"
    assert len(re.findall(pattern, errors, re.MULTILINE)) == 1
    assert errors.count("LookupError: on purpose") == 1
    assert "Not a token" not in errors


@claim(OPERATIONS, block="LOGGING = {")
def test_site_logs_failures_with_their_time(block: Block, tmp_path: Path):
    place = make_site(tmp_path)
    with (place / "mysite/settings.py").open("a") as settings:
        settings.write(block.code)
    out = run_python(
        "import sys; sys.path.insert(0, ''); sys.stderr = sys.stdout\n"
        f"import django; django.setup()\n{FAIL}"
        "from django.test import Client\n"
        "path = '/ptrack/' + ptrack.PtrackEncoder.encrypt() + '/'\n"
        "for each in (path, '/ptrack/garbage/'): Client().get(each)\n",
        cwd=place,
        DJANGO_SETTINGS_MODULE="mysite.settings",
        PTRACK_SECRET=SECRET,
    )
    assert_logged_as_set_up(out)


@claim(OPERATIONS, block="basicConfig")
def test_mirror_logs_failures_with_their_time(block: Block, tmp_path: Path):
    (tmp_path / "pixels.py").write_text(block.code + FAIL)
    out = run_python(
        "import sys; sys.path.insert(0, ''); sys.stderr = sys.stdout\n"
        "import ptrack, ptrack.wsgi\n"
        "mirror = ptrack.wsgi.mirror()\n"
        "for path in (ptrack.pixel_url()[9:], '/ptrack/garbage/'):\n"
        "    mirror({'REQUEST_METHOD': 'GET', 'PATH_INFO': path}, lambda *_: None)\n",
        cwd=tmp_path,
        PTRACK_SECRET=SECRET,
        PTRACK_APP_URL="https://h",
    )
    assert_logged_as_set_up(out)


@claim(OPERATIONS, block="export PTRACK_SECRET")
def test_secret_reaches_the_environment(block: Block):
    out = run_shell(
        f"{block.code}python -c 'import ptrack; print(ptrack.PtrackEncoder.encrypt())'"
    )
    assert len(out.strip()) == 64


@claim(
    OPERATIONS,
    commands="manage.py ptrack decode",
    reading="< mail.html",
    output='"args": [',
)
def test_url_is_decoded(commands: Block, reading: Block, output: Block, tmp_path: Path):
    place = make_site(tmp_path)
    shown = json.loads(output.code)
    token = TokenBox(SECRET).encrypt(*shown["args"], **shown["kwargs"])
    tag = f'<p><img src="https://www.example.com/ptrack/{token}/"></p>'
    (place / "mail.html").write_text(tag)
    variables = {
        "PTRACK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{ROOT}:{place}",
    }
    lines = [*commands.replace("TOKEN", token).code.splitlines(), reading.code]
    assert len(lines) == 3
    for line in lines:
        assert run_shell(line, place, **variables) == output.code


@claim("docs/timing.md", block="make timing")
def test_timing_is_measured_by_a_command_and_its_quick_form(block: Block):
    lines = block.code.splitlines()
    assert lines == ["make timing", "make timing QUICK=1"]
    for line in lines:
        check_make(line)
