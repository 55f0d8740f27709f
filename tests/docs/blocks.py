"""The code blocks of the documents: reading them, and running them as a reader does."""

import configparser
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.template import engines

from tests.processes import ROOT, make_environment

from .surroundings import DOCUMENTS, ELSEWHERE, SURROUNDINGS, Surroundings

_BLOCK_OR_HEADING = re.compile(
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$|^#+ (?P<heading>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)
_NOTHING = Surroundings()


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        document: The path of its document, from the root.
        heading: The heading above it.
        number: Its number below that heading, from 1 on.
        language: The word behind the first fence.
        code: The text between the fences.
        lead: The text before it, from the last heading or block on.
    """

    document: str
    heading: str
    number: int
    language: str
    code: str
    lead: str

    @property
    def id(self) -> str:
        """A name for tests, the same in each run."""
        return f"{self.document}:{make_anchor(self.heading)}:{self.number}"

    def has(self, part: str) -> bool:
        """Return whether this part is in the code, or is the heading (``## …``)."""
        if part.startswith("## "):
            return part == f"## {self.heading}"
        return part in self.code

    def replace(self, old: str, new: str) -> "Block":
        """Return the block with a part of its code replaced; the part has to exist."""
        assert old in self.code, f"{self.id} has no {old}"
        return replace(self, code=self.code.replace(old, new))

    @property
    def _surroundings(self) -> Surroundings:
        return SURROUNDINGS.get(self.document, _NOTHING)

    # -- running it -------------------------------------------------------------------

    def run(self, **variables: Any) -> dict[str, Any]:
        """Run a block of Python; return all names that it then has.

        Args:
            variables: Names that it uses, beside those in `SURROUNDINGS`.
        """
        names = {"__name__": "docs", **self._surroundings.variables, **variables}
        exec(compile(self.code, self.id, "exec"), names)
        return names

    def render(self) -> str:
        """Render a block of a template of Django."""
        template = engines["django"].from_string(self.code)
        return template.render(dict(self._surroundings.context))

    def run_in_shell(self, cwd: Path = ROOT, **variables: str) -> str:
        """Run a block of shell commands; return their output.

        Args:
            cwd: The directory to be in.
            variables: Variables of the environment.
        """
        return run_shell(self.code, cwd, **variables)

    def read_ini(self) -> configparser.ConfigParser:
        """Read a block as an .ini file, or a unit of systemd."""
        parser = configparser.ConfigParser()
        parser.optionxform = str
        parser.read_string(self.code)
        return parser


def run_shell(code: str, cwd: Path = ROOT, **variables: str) -> str:
    """Run shell commands, with this Python as ``python``; return their output."""
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", f'python() {{ "{sys.executable}" "$@"; }}\n{code}'],
        cwd=cwd,
        env=make_environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_make(line: str) -> None:
    """Assert that the Makefile has the target and the variables of a command."""
    makefile = (ROOT / "Makefile").read_text()
    _, *words = line.partition("#")[0].split()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert re.search(rf"\$\((if \$\()?{name}\b", makefile), line
        else:
            assert f"\n{name}:" in makefile, line


def _run_shell_or_make(block: Block) -> None:
    lines = block.code.splitlines()
    if not all(line.startswith("make") for line in lines):
        block.run_in_shell()
        return
    for line in lines:
        check_make(line)


RUN: dict[str, Callable[[Block], object]] = {
    "html": Block.render,
    "ini": Block.read_ini,
    "json": lambda block: json.loads(block.code),
    "python": Block.run,
    "sh": _run_shell_or_make,
}
"""How a block runs as it stands, by its language."""


# -- reading the documents ------------------------------------------------------------


def read_text(document: str) -> str:
    """Read a document."""
    return (ROOT / document).read_text()


def _find_blocks(document: str) -> Iterator[Block]:
    text = read_text(document)
    heading, number, end = "", 0, 0
    for found in _BLOCK_OR_HEADING.finditer(text):
        lead, end = text[end : found.start()], found.end()
        if found["heading"] is not None:
            heading, number = found["heading"], 0
            continue
        number += 1
        language, code = found["language"], found["code"]
        yield Block(document, heading, number, language, code, lead)


def make_anchor(heading: str) -> str:
    """Return the name that GitHub gives a heading, for links to it."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


PATHS = sorted(
    str(path.relative_to(ROOT)) for pattern in DOCUMENTS for path in ROOT.glob(pattern)
)
ALL = [block for path in PATHS for block in _find_blocks(path)]


def find_block(document: str, *parts: str) -> Block:
    """Return the one block of a document that has all of these parts."""
    found = [
        block
        for block in ALL
        if block.document == document and all(map(block.has, parts))
    ]
    assert len(found) == 1, f"{len(found)} blocks of {document} have {parts}"
    return found[0]


# -- which test runs a block ----------------------------------------------------------

_claims: dict[Block, str] = {}


def claim_blocks(blocks: Iterable[Block], file: str) -> list[Block]:
    """Note that the tests of a file run these blocks; return them."""
    found = list(blocks)
    path = str(Path(file).relative_to(ROOT))
    _claims.update(dict.fromkeys(found, path))
    return found


def take_block(file: str, document: str, *parts: str) -> Block:
    """Find a block that several tests of a file run; note that, and return it."""
    return claim_blocks([find_block(document, *parts)], file)[0]


def claim(document: str, **parts: str | tuple[str, ...]) -> Any:
    """Hand a test the blocks that it runs; the ids of the test name them.

    Args:
        document: The path of the document.
        parts: For each argument of the test, a part of its block's code, or
            several parts.
    """
    blocks = [
        find_block(document, *([part] if isinstance(part, str) else part))
        for part in parts.values()
    ]

    def mark(test: Callable[..., Any]) -> Callable[..., Any]:
        claim_blocks(blocks, test.__code__.co_filename)
        case = pytest.param(*blocks, id="+".join(block.id for block in blocks))
        return pytest.mark.parametrize(list(parts), [case])(test)

    return mark


def find_elsewhere(block: Block) -> Any:
    """Return the file that runs a block, and why; ``None`` if it runs as it stands."""
    for part, found in ELSEWHERE.get(block.document, {}).items():
        if block.has(part):
            return found
    return None


def find_claim(block: Block) -> str | None:
    """Return the file with the test that runs a block, of those imported so far."""
    return _claims.get(block)
