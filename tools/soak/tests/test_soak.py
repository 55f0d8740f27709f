"""The soak: its books notice each loss, and its command ends what it started."""

import re
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackTokenError
from tests.processes import PATIENCE, ROOT, make_environment
from tools.soak import books, faults, load, processes, report, run, servers, stage
from tools.soak.books import Balance, Book, balance
from tools.soak.mix import SHARES, Mix, Request
from tools.soak.places import JOURNAL, LOG
from tools.soak.processes import is_alive, wait_until

pytestmark = pytest.mark.once

SECRET = "s" * 32

# -- the requests ---------------------------------------------------------------------


def make_requests(count: int, seed: int = 1, **options: Any) -> list[Request]:
    # Tokens have nonces, and are never the same.
    seal = options.pop("seal", lambda **hit: f"token-{hit['id']:040}")
    mix = Mix(seal, keep_alive=True, seed=seed, **options)
    return [mix.next() for _ in range(count)]


def test_mix_has_all_kinds_and_is_the_same_for_a_seed():
    made = make_requests(5000)
    assert {request.kind for request in made} == set(SHARES)
    assert made == make_requests(5000)
    assert made != make_requests(5000, seed=2)


def test_no_two_hits_of_a_mix_have_the_same_id():
    ids = Counter(each.hit for each in make_requests(5000) if each.hit is not None)
    assert set(ids.values()) == {1}
    assert len(ids) > 1000


def test_only_requests_that_may_be_recorded_carry_an_authentic_token():
    box = TokenBox(SECRET)
    for request in make_requests(3000, seal=box.encrypt):
        found = re.match(rb"GET /ptrack/([\w-]+)/ HTTP/1.1\r\n", request.data)
        try:
            hit = box.decrypt(found[1])[1]["id"] if found else None
        except PtrackTokenError:
            hit = None
        if request.kind == "half":
            assert not request.data.endswith(b"\r\n\r\n")
        else:
            assert hit == request.hit


# -- the books ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "seen", "found", "lost", "surplus"),
    [
        pytest.param("ab", "ab", "ab", 0, 0, id="sound"),
        pytest.param("ab", "ab", "a", 1, 0, id="one is lost"),
        pytest.param("ab", "ab", "abb", 0, 1, id="one is there twice"),
        pytest.param("ab", "ab", "aa", 1, 1, id="both"),
        pytest.param("ab", "ab", "abc", 0, 1, id="one was never sent"),
        pytest.param("ab", "a", "a", 0, 0, id="left by the client, not recorded"),
        pytest.param("ab", "a", "ab", 0, 0, id="left by the client, recorded"),
        pytest.param("aab", "ab", "aab", 0, 0, id="sent again and recorded twice"),
        pytest.param("aab", "ab", "ab", 0, 0, id="sent again and recorded once"),
    ],
)
def test_balance_counts_lost_hits_and_those_too_many(whole, seen, found, lost, surplus):
    counted = balance(Counter(whole), Counter(seen), Counter(found))
    assert counted == Balance(len(seen), len(found), lost, surplus)


def note_failing_hit(book: Book, number: int) -> None:
    request = Request("valid", b"", hit=number, options=("fail", "also"))
    book.note_request(request)
    book.note_sent(request)
    book.note_answer(request, 200, True)


FAILED = "ERROR ptrack: Callback tools.soak.served.pixels.{} failed\nTraceback\n"


@pytest.mark.parametrize(
    ("journal", "failed", "lost", "surplus"),
    [
        pytest.param([], ["Failing", "InDatabase", "InFile"], 0, 0, id="all failed"),
        pytest.param([7], ["Failing", "InDatabase"], 0, 0, id="one recorded"),
        pytest.param([], ["Failing", "InDatabase"], 1, 0, id="not even a failure"),
        pytest.param([8], ["Failing", "InDatabase"], 0, 1, id="another's"),
        pytest.param([7], ["Failing", "InDatabase", "InFile"], 0, 1, id="one of two"),
        pytest.param([7], ["Failing", "InDatabase", "Ledger"], 0, 1, id="a surprise"),
    ],
)
def test_callback_that_may_fail_has_recorded_the_hit_or_logged_a_failure(
    tmp_path: Path, journal, failed, lost, surplus
):
    servers.prepare(tmp_path)
    book = Book()
    note_failing_hit(book, 7)
    (tmp_path / JOURNAL).write_text("".join(f"{hit}\n" for hit in journal))
    (tmp_path / LOG).write_text("".join(map(FAILED.format, failed)))
    found = books.balance_others(book, tmp_path)
    assert (found.lost, found.surplus) == (lost, surplus)


FORGETFUL = """
from tools.soak.served import pixels
record = pixels.Ledger.record
def forgetful(self, request, *, id, **rest):
    if id % 10 == 0:
        return
    record(self, request, id=id, **rest)
    if id % 10 == 1:
        record(self, request, id=id, **rest)
        pixels.Path("/dev/null").open()
pixels.Ledger.record = forgetful
from tools.soak.served.app import application
"""


def test_server_that_loses_doubles_and_leaks_has_these_problems(tmp_path: Path):
    (tmp_path / "forgetful.py").write_text(FORGETFUL)

    def make_command(port: int) -> list[str]:
        options = ["--chdir", str(tmp_path), "--worker-class", "sync"]
        return servers.make_gunicorn_command(port, "forgetful:application", *options)

    kind = servers.Kind("forgetful", make_command, keeps_alive=False)
    result = load.run(kind, 300, seed=1)
    # About a tenth of the hits each.
    assert result.hits.lost > 3
    assert result.hits.surplus > 3
    assert result.left_open >= result.hits.surplus
    assert result.problems[:2] == [
        "hits were lost",
        "hits were recorded that weren't asked for",
    ]
    assert "resources are left open" in result.problems


# -- ports ----------------------------------------------------------------------------

OTHER = """
import sys
from tools.soak import processes
processes._PORTS = range(*map(int, sys.stdin.read().split()))
print(*{processes.reserve_port() for _ in range(400)})
"""


def test_port_is_given_to_no_other_process():
    """The servers of two processes never want the same port."""
    port = processes.reserve_port()
    done = subprocess.run(
        [sys.executable, "-c", OTHER],
        input=f"{port} {port + 20}",
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    given = set(map(int, done.stdout.split()))
    assert given
    assert port not in given


# -- the command ----------------------------------------------------------------------


def test_fault_that_lacks_its_program_is_not_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults, "FAKETIME", "none.so")
    fault = next(each for each in faults.FAULTS if each.lacks)
    result = stage.run(fault, servers.KINDS[0], seed=1)
    assert result == servers.NotRun("apt-get install faketime")
    (row,) = report.tabulate_faults([(fault, "a server", result)]).splitlines()[-1:]
    assert "**not run**, for it: `apt-get install faketime`" in row


def test_server_that_is_not_installed_is_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    kind = servers.Kind("missing", lambda port: ["/nowhere/server"])
    monkeypatch.setattr(run, "KINDS", [kind])
    monkeypatch.setattr(run, "DOCUMENT", None)
    assert run.main(["load", "faults", "--quick", "--server", "missing"]) == 0
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line.startswith("|")]
    # Only a few faults are for other servers.
    assert (
        sum("pip install -e '.[soak]'" in row for row in rows) > len(faults.FAULTS) / 2
    )


# A shell starts a script's background commands like this.
IN_THE_BACKGROUND = ("sh", "-c", """trap '' INT; exec "$@" """, "sh")


@pytest.mark.parametrize("by", [(), IN_THE_BACKGROUND], ids=["terminal", "script"])
def test_command_that_is_ended_ends_its_servers(by: tuple[str, ...], tmp_path: Path):
    """SIGTERM ends it, in a terminal and in a script."""
    command = ["tools.soak", "load", "--server", "waitress", "--requests", "1000000"]
    with subprocess.Popen(
        [*by, sys.executable, "-m", *command],
        cwd=ROOT,
        env=make_environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until(lambda: bool(find_recorders(tmp_path)), PATIENCE, "no hits")
            started = find_recorders(tmp_path)
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
    assert not any(map(is_alive, started))
    assert list(tmp_path.iterdir()) == []


def find_recorders(place: Path) -> list[int]:
    try:
        return [pid for each in place.iterdir() for pid in servers.list_recorders(each)]
    except sqlite3.OperationalError:
        # The database isn't there yet.
        return []


# -- the document ---------------------------------------------------------------------


def test_tables_go_between_the_markers(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    report.insert("new", document)
    assert document.read_text() == (
        "before\n<!-- results -->\n\nnew\n\n<!-- /results -->\nafter\n"
    )


def test_document_without_markers_is_left_alone(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text("text")
    with pytest.raises(ValueError, match="has no <!-- results -->"):
        report.insert("new", document)
    assert document.read_text() == "text"
