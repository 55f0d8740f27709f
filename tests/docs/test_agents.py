"""docs/agents.md: its code blocks do as its text says."""

import re
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

import ptrack
from ptrack.agents import client_ip, identify
from tests.processes import ROOT

from .blocks import Block, claim
from .site import load

AGENTS = "docs/agents.md"
GMAIL = "Mozilla/5.0 (Windows NT 5.1) (via ggpht.com GoogleImageProxy)"
MAIL = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.0"


@claim(AGENTS, block="pip install")
def test_distribution_has_the_extra(block: Block):
    name = re.search(r"'(.+)\[(.+)\]'", block.code)
    assert name
    assert name[2] in (metadata.metadata(name[1]).get_all("Provides-Extra") or [])


@claim(AGENTS, recording="# pixels.py", making="sent=time.time()")
def test_first_callback_prints_the_agent(
    recording: Block, making: Block, capsys: pytest.CaptureFixture[str]
):
    recording.run()
    load(making.run()["url"], GMAIL, REMOTE_ADDR="203.0.113.7")
    load(ptrack.pixel_url("news", recipient="bob@example.com"), MAIL, REMOTE_ADDR="")
    assert capsys.readouterr().out.splitlines() == [
        "ada@example.com mail_proxy Gmail person True 203.0.113.0",
        "bob@example.com person Thunderbird person False None",
    ]


CASES = """\
-
  user_agent: {user_agent}
  {rest}
-
  user_agent: Other/1
  client: []
"""


@claim(AGENTS, program="# cases.py", commands="python -m tools.agents")
def test_lists_of_matomo_are_judged(program: Block, commands: Block, tmp_path: Path):
    """On cases in the form of its files: two clients, a bot, and others."""
    pytest.importorskip("yaml")
    (tmp_path / "cases.py").write_text(program.code)
    for path, user_agent, rest in (
        ("fixtures/bots.yml", "curl/8.5.0", "bot: {name: curl}"),
        ("fixtures/phone.yml", "Unheard/1", "client: {type: browser}"),
        ("Parser/Client/fixtures/browser.yml", "curl/8", "client: {type: browser}"),
        ("Parser/Client/fixtures/pim.yml", "Nine/4.5", "client: {type: pim}"),
    ):
        file = tmp_path / "Tests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CASES.format(user_agent=user_agent, rest=rest))
    printed = commands.run_in_shell(tmp_path, PYTHONPATH=str(ROOT)).splitlines()
    assert printed[2:5] == [
        "| browsers.txt | people | 2 | 0 (0.00%) | 1 (50.00%) | 1 (50.00%) |",
        "| mail.txt | people | 1 | 1 (100.00%) | 0 (0.00%) | 0 (0.00%) |",
        "| bots.txt | machines | 1 | 0 (0.00%) | 1 (100.00%) | 0 (0.00%) |",
    ]
    assert "1\tcurl\tcurl/8" in printed


@claim(AGENTS, block="def is_open")
def test_open_is_a_persons_and_not_within_seconds(block: Block):
    is_open = block.run()["is_open"]
    long_ago = time.time() - 3600

    def make_request(user_agent: str) -> Any:
        return RequestFactory().get("/", headers={"user-agent": user_agent})

    assert is_open(make_request(MAIL), long_ago)
    assert is_open(make_request(GMAIL), long_ago)
    assert is_open(make_request(GMAIL), None)
    assert not is_open(make_request(MAIL), time.time())
    for user_agent in ("Mozilla/5.0", "YahooMailProxy", "curl/8", "anything", ""):
        assert not is_open(make_request(user_agent), long_ago)


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
@claim(AGENTS, block="def clicked_all_at_once")
def test_clicks_on_all_links_at_once_are_found(block: Block, clicks, links, expected):
    clicked_all_at_once = block.run()["clicked_all_at_once"]
    assert clicked_all_at_once(clicks, links) is expected
    quick = [(when / 100, target) for when, target in clicks]
    assert clicked_all_at_once(quick, links, 0.1) is expected


@claim(AGENTS, block="class StoredHit")
def test_first_hit_of_a_person_is_found(block: Block):
    names = block.run()
    opened_at, perhaps_opened = names["opened_at"], names["perhaps_opened"]

    def judge(when: float, user_agent: str, *, too_fast: bool = False) -> Any:
        agent = identify({"HTTP_USER_AGENT": user_agent})
        return names["StoredHit"](when, agent.kind, agent.cause, too_fast)

    scanner = judge(1, MAIL, too_fast=True)
    bot, person, apple = judge(2, "curl/8"), judge(90, MAIL), judge(3, "Mozilla/5.0")
    assert opened_at([person, scanner, bot, judge(99, GMAIL)]) == 90
    assert not perhaps_opened([person, apple])
    for machines in ([scanner, bot], [bot], []):
        assert opened_at(machines) is None
        assert not perhaps_opened(machines)
    for unsure in (apple, judge(3, "YahooMailProxy"), judge(3, "anything")):
        assert opened_at([scanner, unsure]) is None
        assert perhaps_opened([scanner, unsure])


@claim(AGENTS, block="# settings.py")
def test_proxies_of_the_setting_are_believed(block: Block, settings: Any):
    settings.PTRACK_TRUSTED_PROXIES = block.run()["PTRACK_TRUSTED_PROXIES"]
    for proxy in ("10.1.2.3", "2001:db8::1"):
        environ = {"REMOTE_ADDR": proxy, "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
        assert client_ip(environ) == "203.0.113.7"
    hops = "192.0.2.66, 203.0.113.7, 2001:db8::1"
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": hops}
    assert client_ip(environ) == "203.0.113.7"
    stranger = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
    assert client_ip(stranger) == "192.0.2.1"


@claim(AGENTS, block="python -m timeit")
def test_timings_can_be_taken(block: Block):
    """Each command runs once, and the time that it prints is ignored."""
    once = block.replace("-m timeit", "-m timeit -n 1 -r 1")
    assert once.run_in_shell().count("1 loop") == len(block.code.splitlines())
