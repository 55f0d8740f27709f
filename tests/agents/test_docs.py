"""docs/agents.md: its table is the code's, and every code block in it runs."""

import re
import shlex
import subprocess
import sys
import time
from typing import Any

import pytest
from django.test import Client, RequestFactory

import ptrack
from ptrack.agents import CACHED, MAX_LENGTH, NO_USER_AGENT, UNKNOWN, identify
from ptrack.agents.crawlers import NOT_CRAWLERS
from ptrack.agents.rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    PURPOSE_HEADERS,
    PURPOSES,
    Rule,
)
from ptrack.conf import trusted_proxies
from tests.pages import Page, not_run, run
from tests.processes import environment

PAGE = Page("docs/agents.md")
block = PAGE.block
GMAIL = "Mozilla/5.0 (Windows NT 5.1) (via ggpht.com GoogleImageProxy)"
MAIL = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.0"


@pytest.fixture(autouse=True)
def clean_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block registers is gone with its test."""
    monkeypatch.setattr(ptrack.tracker, "_registry", {})


# -- the tables -----------------------------------------------------------------------


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table that follows a heading."""
    text = PAGE.text.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def row(rule: Rule) -> list[str]:
    """Give the cells of a rule, but for its limits, which only the page has."""
    marks = " or ".join(f"`{mark}`" for mark in rule.marks)
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
def test_table_is_that_of_the_code_in_its_order(heading, rules):
    assert [cells[:5] for cells in rows(heading)] == [row(rule) for rule in rules]


def test_what_else_decides_is_named_as_the_code_has_it():
    steps = PAGE.text.partition("## What decides")[2].partition("###")[0]
    for header in PURPOSE_HEADERS:
        assert f"`{header}`" in steps
    for purpose in PURPOSES:
        assert f"`{purpose}`" in steps
    for agent in (NO_USER_AGENT, UNKNOWN):
        assert f"| `{agent.kind}` | `{agent.on_open}` | `{agent.name}` |" in steps
    assert f"first {MAX_LENGTH} characters" in steps
    assert f"the last {CACHED:,} of them" in PAGE.text
    assert len(NOT_CRAWLERS) == 1
    assert "One entry of\nthe data set is left out" in PAGE.text


# -- the code -------------------------------------------------------------------------


def test_name_of_the_extra_is_that_of_the_distribution():
    from importlib import metadata

    name = re.search(r"'(.+)\[(.+)\]'", block("pip install"))
    assert name
    assert name[2] in (metadata.metadata(name[1]).get_all("Provides-Extra") or [])


def test_first_callback_works_as_shown(capsys: pytest.CaptureFixture[str]):
    run(block("# pixels.py"))
    url = run(block("sent=time.time()"))["url"]
    path = url.removeprefix("https://www.example.com")
    Client(headers={"user-agent": GMAIL}, REMOTE_ADDR="203.0.113.7").get(path)
    Client(headers={"user-agent": MAIL}, REMOTE_ADDR="").get(
        ptrack.pixel_url(recipient="bob@example.com").removeprefix(
            "https://www.example.com"
        )
    )
    assert capsys.readouterr().out.splitlines() == [
        "ada@example.com mail_proxy Gmail True True 203.0.113.0",
        "bob@example.com person Thunderbird True None None",
    ]


def test_judgement_of_an_open_works_as_shown():
    is_open = run(block("def is_open"))["is_open"]
    long_ago = time.time() - 3600

    def hit(user_agent: str) -> Any:
        return RequestFactory().get("/", headers={"user-agent": user_agent})

    assert is_open(hit(MAIL), long_ago)
    assert is_open(hit(GMAIL), long_ago)
    assert not is_open(hit(MAIL), time.time())
    for user_agent in ("Mozilla/5.0", "YahooMailProxy", "curl/8", "who knows", ""):
        assert not is_open(hit(user_agent), long_ago)


@pytest.mark.parametrize(
    ("clicks", "links", "expected"),
    [
        ([(0, "a"), (1, "b"), (2, "c")], 3, True),
        ([(2, "c"), (0, "a"), (1, "b")], 3, True),
        ([(0, "a"), (5, "b"), (10, "c")], 3, True),
        ([(0, "a"), (5, "b"), (11, "c")], 3, False),
        ([(0, "a"), (500, "a"), (501, "b"), (502, "c")], 3, True),
        ([(0, "a"), (1, "a"), (2, "b")], 3, False),
        ([(0, "a"), (1, "b"), (2, "c")], 4, False),
        ([(0, "a"), (1, "b")], 2, False),
        ([], 3, False),
    ],
)
def test_clicks_on_all_links_at_once_are_found_as_shown(clicks, links, expected):
    found = run(block("def clicked_all_at_once"))["clicked_all_at_once"]
    assert found(clicks, links) is expected
    assert found([(when / 100, target) for when, target in clicks], links, 0.1) is (
        expected
    )


def test_first_hit_of_a_person_is_found_as_shown():
    namespace = run(block("class Hit"))
    opened_at, perhaps_opened = namespace["opened_at"], namespace["perhaps_opened"]

    def hit(when: float, user_agent: str, *, too_fast: bool = False) -> Any:
        agent = identify({"HTTP_USER_AGENT": user_agent})
        return namespace["Hit"](when, agent.kind, agent.on_open, too_fast)

    scanner = hit(1, MAIL, too_fast=True)
    bot, person, apple = hit(2, "curl/8"), hit(90, MAIL), hit(3, "Mozilla/5.0")
    assert opened_at([person, scanner, bot, hit(99, GMAIL)]) == 90
    assert not perhaps_opened([person, apple])
    for machines in ([scanner, bot], [bot], []):
        assert opened_at(machines) is None
        assert not perhaps_opened(machines)
    for unsure in (apple, hit(3, "YahooMailProxy"), hit(3, "who knows")):
        assert opened_at([scanner, unsure]) is None
        assert perhaps_opened([scanner, unsure])


def test_setting_works_as_shown(settings: Any):
    settings.PTRACK_TRUSTED_PROXIES = run(block("# settings.py"))[
        "PTRACK_TRUSTED_PROXIES"
    ]
    assert len(trusted_proxies().networks) == 2


def test_shortening_works_as_shown():
    run(block("assert shorten_ip"))


def test_timings_can_be_taken_as_shown():
    """Once each: what they print isn't looked at."""
    for line in block("python -m timeit").splitlines():
        command = line.replace("python", shlex.quote(sys.executable), 1)
        command = command.replace("-m timeit", "-m timeit -n 1 -r 1", 1)
        done = subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "1 loop" in done.stdout


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block`` in one of the tests above."""
    assert not_run(PAGE.blocks, __file__) == []
