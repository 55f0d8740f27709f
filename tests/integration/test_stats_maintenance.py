"""The commands of ptrack.stats beside processes that record: no hit is lost.

It is the short form of ``python -m tools.soak.maintenance``.
"""

import json
import subprocess
import sys
from pathlib import Path

import django
import pytest

from tests.processes import PATIENCE, ROOT, WARNINGS, make_environment

RUN = """
import json, sys
from pathlib import Path
from tools.soak import maintenance as soak

if __name__ == "__main__":
    entry = soak.configure(Path(sys.argv[1]), wal=sys.argv[2] == "wal")
    soak.set_up(entry)
    soak.fill(5_000)
    found = []
    for command in (soak.rekey, soak.clear):
        done, writing = soak.run_beside_writers(entry, 2, [command, command])
        found.append([done, writing])
    from ptrack.stats.models import Open
    kept = list(Open.objects.values_list("key", flat=True))
    print(json.dumps([found, kept]))
"""


@pytest.mark.once
@pytest.mark.parametrize("journal", ["rollback", "wal"])
def test_commands_beside_writers_lose_no_hit(tmp_path: Path, journal: str):
    """Each of them runs twice at the same time, with SQLite's usual timeout."""
    if journal == "wal" and django.VERSION < (5, 1):
        pytest.skip("this Django has no init_command for SQLite")
    # The processes that it starts import the file again.
    program = tmp_path / "program.py"
    program.write_text(RUN)
    done = subprocess.run(
        [sys.executable, *WARNINGS, program, tmp_path / "db.sqlite3", journal],
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (rekeyed, cleared), kept = json.loads(done.stdout)
    recorded = 0
    for _, (count, errors, _) in (rekeyed, cleared):
        assert errors == []
        assert count > 10
        recorded += count
    assert len(kept) == recorded
    assert find_sum(cleared[0]) == 5_000
    assert find_sum(rekeyed[0]) >= 5_000


def find_sum(outputs: list[str]) -> int:
    """Return the rows of two commands: the first number that each one writes."""
    return sum(
        next(int(word) for word in output.split() if word.isdigit())
        for output in outputs
    )
