"""The pages of the documentation, as tests read them: every code block runs in one."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.processes import ROOT

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A code block, by the language that it is marked with."""

    language: str
    code: str


class Page:
    """A page.

    Args:
        path: Where it is, from the root.
    """

    def __init__(self, path: str) -> None:
        self.text = (ROOT / path).read_text()
        self.blocks = [Block(*each) for each in FENCED.findall(self.text)]

    def section(self, heading: str) -> list[tuple[str, Block]]:
        """Return the blocks below a heading, each behind the text that leads to it."""
        text = self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        # In turn: text, language and code; at the end text alone.
        parts = FENCED.split(text)
        return [
            (parts[start], Block(*parts[start + 1 : start + 3]))
            for start in range(0, len(parts) - 1, 3)
        ]

    def block(self, *parts: str) -> str:
        """Give the one block that has all of these in it."""
        return the_one(self.blocks, *parts)


def the_one(blocks: Iterable[Block], *parts: str) -> str:
    """Give the one of several blocks that has all of these in it."""
    found = [each.code for each in blocks if _has(each, parts)]
    assert len(found) == 1, f"{len(found)} blocks have {parts}"
    return found[0]


def run(code: str, **given: Any) -> dict[str, Any]:
    """Run a block, and give what it has defined."""
    namespace: dict[str, Any] = {"__name__": "docs", **given}
    exec(compile(code, "docs", "exec"), namespace)
    return namespace


def not_run(
    blocks: Iterable[Block], *tests: str, others: Iterable[str] = ()
) -> list[Block]:
    """Return the blocks that no test asks for.

    Args:
        blocks: All of them.
        tests: The files of the tests, where calls of ``block`` ask for them.
        others: What these ask for in another way.
    """
    asked = [
        [each.value for each in node.args if isinstance(each, ast.Constant)]
        for file in tests
        for node in ast.walk(ast.parse(Path(file).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "block"
    ]
    asked += [[each] for each in others]
    return [
        block
        for block in blocks
        if not any(parts and _has(block, parts) for parts in asked)
    ]


def _has(block: Block, parts: Iterable[str]) -> bool:
    return all(part in block.code for part in parts)
