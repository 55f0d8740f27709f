"""The documentation: its links lead somewhere, and its lists and commands are complete.

Its code blocks run in ``tests/docs``.
"""

import ast
import inspect
import re
from typing import get_args

import pytest

import ptrack
from ptrack.core.counters import Reason
from ptrack.core.kinds import KINDS
from tests.docs.blocks import PATHS, check_make, make_anchor, read_text
from tests.docs.site import open_pixel
from tests.processes import ROOT

# -- links ----------------------------------------------------------------------------


@pytest.mark.parametrize("document", PATHS)
def test_files_that_are_linked_to_exist(document: str):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read_text(document)):
        assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", PATHS)
def test_headings_that_are_linked_to_exist(document: str):
    """GitHub makes the names of their anchors."""
    text = read_text(document)
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text):
        target = (ROOT / document).parent / path if path else ROOT / document
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        assert anchor in map(make_anchor, headings), f"{path}#{anchor}"


# -- commands and pictures ------------------------------------------------------------


@pytest.mark.parametrize("document", PATHS)
def test_commands_within_the_text_are_in_the_makefile(document: str):
    for command in re.findall(r"`(make\s[a-z-][^`]*)`", read_text(document)):
        check_make(command)


@pytest.mark.parametrize(
    ("document", "targets"),
    [
        ("README.md", {"demo", "test", "bench"}),
        ("CONTRIBUTING.md", {"demo", "test", "test-all", "check", "bench"}),
    ],
)
def test_document_names_the_commands_of_its_readers(document: str, targets: set[str]):
    named = re.findall(r"(?:^|`)make\s([a-z-]+)", read_text(document), re.MULTILINE)
    assert targets <= set(named)


def test_pictures_of_the_demo_are_there_and_small():
    names = re.findall(r'"(docs/[\w-]+\.png)"', read_text("README.md"))
    assert names == ["docs/demo-dark.png", "docs/demo.png"]
    for name in names:
        assert (ROOT / name).stat().st_size < 200_000


# -- docs/operations.md ---------------------------------------------------------------


OPERATIONS = read_text("docs/operations.md")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def find_messages() -> set[tuple[str, str]]:
    """Return level and message of all that the package logs."""
    return {
        message
        for path in (ROOT / "ptrack").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (message := find_message(node))
    }


def find_message(call: ast.Call) -> tuple[str, str] | None:
    match call.func:
        case ast.Name(id="log"):
            level, message, *_ = call.args
            return ast.unparse(level).removeprefix("logging."), ast.literal_eval(
                message
            )
        case ast.Name(id="log_failure"):
            return "ERROR", ast.literal_eval(call.args[1])
    return None


def test_list_of_logged_messages_is_complete():
    rows = re.findall(
        rf"^\| ({'|'.join(LEVELS)}) \| `([^`]+)` \| \S.* \| \S.* \|$",
        OPERATIONS,
        re.MULTILINE | re.IGNORECASE,
    )
    assert len(rows) == len(set(rows))
    assert set(rows) == find_messages()


def test_logger_is_used_in_no_other_way():
    """The list above would miss it, and a handler that raises would get out."""
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ptrack").rglob("*.py")
        if re.search(r"getLogger|logging\.\w+\(|\blogger\b", path.read_text())
    }
    assert users == {"ptrack/core/logs.py"}


def test_table_of_counters_is_that_of_the_code():
    counting = OPERATIONS.partition("\n## Counting\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)\((\w+)\)` \|", counting, re.MULTILINE)
    methods = {
        name: inspect.signature(method)
        for name, method in vars(ptrack.Counters).items()
        if inspect.isfunction(method)
    }
    assert dict(rows) == {
        name: [*found.parameters][1] for name, found in methods.items()
    }
    for reason in get_args(Reason):
        assert f"`{reason}`" in counting
    for kind in KINDS:
        assert f'`"{kind.counter}"`' in counting


# -- docs/timing.md -------------------------------------------------------------------


def test_results_of_the_timing_are_of_a_full_run():
    text = read_text("docs/timing.md")
    results = text.partition("<!-- timing -->")[2].partition("<!-- /timing -->")[0]
    assert "- samples of each kind: " in results
    assert "quick run" not in results


# -- README.md ------------------------------------------------------------------------


def test_keyword_named_request_is_recorded(recorder):
    """The callback is declared as the README says."""
    assert "def record(self, request, /, *args, **kwargs)" in read_text("README.md")
    open_pixel(request=1)
    assert recorder.hits == [((), {"request": 1})]
