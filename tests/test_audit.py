"""The audit of CI: its exit code and its report for each answer of pip-audit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, make_environment

SOUND = {"name": "sound", "version": "1", "vulns": []}
BROKEN = {"name": "broken", "version": "2", "vulns": [{"id": "CVE-0"}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def run_audit(place: Path, **answers: object) -> subprocess.CompletedProcess[str]:
    """Run the audit with a pip-audit of our own, which gives these answers."""
    (place / "pip_audit.py").write_text(
        "import json, sys\n"
        f"found = json.loads({json.dumps(answers)!r})[sys.argv[-1]]\n"
        "if found is None: sys.exit('no route to host')\n"
        "print(json.dumps({'dependencies': found, 'fixes': []}))\n"
        "sys.exit(any(each.get('vulns') for each in found))\n"
    )
    return subprocess.run(
        [sys.executable, ROOT / ".ci/audit.py"],
        env=make_environment(PYTHONPATH=str(place)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("answers", "code", "report"),
    [
        ({"pypi": [SOUND, UNKNOWN]}, 0, "pypi: asked for 1 distributions of 2"),
        ({"pypi": [SOUND, BROKEN]}, 1, "broken 2 is vulnerable: CVE-0"),
        ({"pypi": None, "osv": [BROKEN]}, 1, "pypi: no route to host"),
        ({"pypi": [UNKNOWN], "osv": [SOUND]}, 0, "osv: asked for 1"),
        ({"pypi": [UNKNOWN], "osv": None}, 0, "NOT AUDITED"),
    ],
)
def test_audit_fails_for_a_vulnerability_and_says_if_no_service_answers(
    tmp_path: Path, answers, code: int, report: str
):
    done = run_audit(tmp_path, **answers)
    assert (done.returncode, done.stderr) == (code, "")
    assert report in done.stdout
