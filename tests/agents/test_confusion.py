"""``python -m tools.agents``: the confusion table of files of user agents."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)


def run_tool(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.agents", *map(str, args)]
    return subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.txt"
    lines = [CHROME, "", f"  {CHROME} ", "Dalvik/2.1.0", "curl/8.5.0", "Caf\xe9Bot"]
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    return path


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    path = tmp_path / "machines.txt"
    lines = ["70\tcurl/8.5.0", f"20\t{CHROME}", f"5\t{CHROME} x", "5\tx", "0\tcurl/8"]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_table_counts_lines_and_weighted_hits(people, machines):
    """An empty line isn't counted, a broken one is, and a count is a weight."""
    done = run_tool("--people", people, "--machines", machines)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "| File | Of | User agents | Person | Machine | Unknown |",
        "|---|---|--:|--:|--:|--:|",
        "| people.txt | people | 5 | 2 (40.00%) | 2 (40.00%) | 1 (20.00%) |",
        "| machines.txt | machines | 100 | 25 (25.00%) | 70 (70.00%) | 5 (5.00%) |",
        "",
        "Machines of the column `Machine` are the recall, people there false alarms.",
    ]


def test_misjudged_are_shown_the_most_frequent_first(people, machines):
    done = run_tool("--people", people, "--machines", machines, "--show", 1)
    assert done.stdout.splitlines()[6:] == [
        "",
        "people.txt: 2 of people taken for a machine",
        "1\tcurl\tcurl/8.5.0",
        "",
        "machines.txt: 2 of machines taken for a person",
        f"20\tbrowser\t{CHROME}",
    ]


def test_mark_that_windows_puts_before_utf8_is_no_part_of_a_user_agent(tmp_path):
    path = tmp_path / "marked.txt"
    path.write_text("7\tcurl/8.5.0\n", encoding="utf-8-sig")
    done = run_tool("--machines", path)
    assert "| marked.txt | machines | 7 | 0 (0.00%) | 7 (100.00%) |" in done.stdout


def test_empty_file_has_no_shares(tmp_path):
    path = tmp_path / "none.txt"
    path.write_text("\n")
    done = run_tool("--machines", path)
    assert "| none.txt | machines | 0 | 0 | 0 | 0 |" in done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "name a file with --people or --machines"),
        (("--people", "missing.txt"), "missing.txt is no file"),
    ],
)
def test_wrong_arguments_are_explained(args, message):
    done = run_tool(*args)
    assert done.returncode == 2
    assert message in done.stderr
