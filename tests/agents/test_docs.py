"""docs/agents.md: its tables agree with the code.

Its code blocks run in ``tests/docs/test_agents.py``.
"""

import pytest

from ptrack.agents import (
    CACHED,
    CLICK_WITHIN,
    MAX_LENGTH,
    NO_USER_AGENT,
    OPEN_WITHIN,
)
from ptrack.agents.crawlers import NOT_CRAWLERS
from ptrack.agents.recognition import UNKNOWN
from ptrack.agents.rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    PURPOSE_HEADERS,
    PURPOSES,
    Rule,
)
from tests.docs.blocks import read_text

TEXT = read_text("docs/agents.md")


def read_rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    text = TEXT.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def write_row(rule: Rule) -> list[str]:
    """Return the cells of a rule without its limits, which only the page has."""
    marks = " or ".join(f"`{mark}`" for mark in (*rule.marks, *rule.patterns))
    if rule.without:
        marks += ", without " + " or ".join(f"`{mark}`" for mark in rule.without)
    return [
        rule.name,
        f"{'is' if rule.whole else 'has'} {marks}",
        f"`{rule.kind}`",
        f"`{rule.on_open}`",
        f"[source]({rule.source})",
    ]


@pytest.mark.parametrize(
    ("heading", "rules"),
    [
        ("Before the data set", BEFORE_DATA_SET),
        ("After the data set", AFTER_DATA_SET),
    ],
)
def test_table_has_the_rules_of_the_code_in_their_order(heading, rules):
    expected = [write_row(rule) for rule in rules]
    assert [cells[:5] for cells in read_rows(heading)] == expected


def test_other_steps_are_named_as_in_the_code():
    steps = TEXT.partition("## What decides")[2].partition("###")[0]
    for header in PURPOSE_HEADERS:
        assert f"`{header}`" in steps
    for purpose in PURPOSES:
        assert f"`{purpose}`" in steps
    for agent in (NO_USER_AGENT, UNKNOWN):
        assert f"| `{agent.kind}` | `{agent.on_open}` | `{agent.name}` |" in steps
    assert f"first {MAX_LENGTH} characters" in steps
    assert f"the last {CACHED:,} of them" in TEXT
    assert len(NOT_CRAWLERS) == 5
    assert "\nFive entries of the data set are left out" in TEXT


def test_page_has_the_seconds_of_the_code():
    rows = read_rows("Hits within seconds of the send")
    assert [cells[1] for cells in rows] == [
        f"`OPEN_WITHIN`, {OPEN_WITHIN:.0f}",
        f"`CLICK_WITHIN`, {CLICK_WITHIN:.0f}",
    ]
