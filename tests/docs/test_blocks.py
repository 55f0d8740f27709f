"""Every code block of the documents runs, with no more around it than it needs."""

import importlib
import re

import pytest

from tests.processes import ROOT

# These claim the blocks that have tests of their own when they are imported.
from . import (  # noqa: F401
    test_agents,
    test_operations,
    test_readme,
    test_reliability,
    test_stats,
    test_tools,
)
from .blocks import ALL, PATHS, RUN, Block, find_claim, find_elsewhere, read_text

REST = [each for each in ALL if not find_claim(each) and not find_elsewhere(each)]


@pytest.mark.parametrize("block", REST, ids=lambda block: block.id)
def test_block_runs_as_it_stands(block: Block):
    assert block.language in RUN, f"no test runs {block.id}"
    RUN[block.language](block)


@pytest.mark.parametrize("document", PATHS)
def test_every_fence_is_a_blocks(document: str):
    """Each has its language, else it would be overlooked."""
    fences = re.findall("^```", read_text(document), re.MULTILINE)
    blocks = [each for each in ALL if each.document == document]
    assert len(fences) == 2 * len(blocks)


def test_no_two_blocks_have_the_same_id():
    assert len({block.id for block in ALL}) == len(ALL)


ELSEWHERE = [each for each in ALL if find_elsewhere(each)]


@pytest.mark.parametrize("block", ELSEWHERE, ids=lambda block: block.id)
def test_block_that_needs_more_is_left_out_here(block: Block):
    file, reason = find_elsewhere(block)
    assert (ROOT / file).exists()
    assert reason
    assert find_claim(block) in (None, file)


@pytest.mark.integration
@pytest.mark.parametrize("block", ELSEWHERE, ids=lambda block: block.id)
def test_block_that_needs_more_is_run_by_the_file_in_the_table(block: Block):
    file, _ = find_elsewhere(block)
    importlib.import_module(file.removesuffix(".py").replace("/", "."))
    assert find_claim(block) == file
