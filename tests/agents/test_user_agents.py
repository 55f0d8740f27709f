"""ptrack.agents: people are people, whatever their device is called, and bots bots."""

import pytest

from ptrack.agents import Agent, identify
from ptrack.agents.rules import AFTER_DATA_SET, BEFORE_DATA_SET

from .samples import (
    BOTS,
    BROWSERS,
    CRAWLERS_AS_BROWSERS,
    DEVICES,
    IMAGE_PROXIES,
    IN_APPS,
    MAIL_CLIENTS,
)
from .test_agents import RULES

pytestmark = pytest.mark.once


def identify_text(user_agent: str) -> Agent:
    return identify({"HTTP_USER_AGENT": user_agent})


@pytest.mark.parametrize(("user_agent", "name"), MAIL_CLIENTS)
def test_mail_client_that_says_its_name_is_a_person(user_agent, name):
    assert identify_text(user_agent) == Agent("person", name, True)


@pytest.mark.parametrize("user_agent", [*BROWSERS, *IN_APPS, *DEVICES])
def test_browser_is_a_person_though_a_crawler_has_the_name(user_agent):
    assert identify_text(user_agent).kind == "person"


@pytest.mark.parametrize(("user_agent", "name"), IMAGE_PROXIES)
def test_image_proxy_is_a_mail_proxy_of_which_nothing_is_known(user_agent, name):
    assert identify_text(user_agent) == Agent("mail_proxy", name, None)


@pytest.mark.parametrize(("user_agent", "name"), BOTS)
def test_machine_that_says_so_is_a_bot(user_agent, name):
    assert identify_text(user_agent) == Agent("bot", name, False)


@pytest.mark.parametrize(("user_agent", "name"), CRAWLERS_AS_BROWSERS)
def test_entry_of_the_data_set_counts(user_agent, name):
    found = identify_text(user_agent)
    assert (found.kind, found.name) == ("bot", name)


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        *[(each, "person") for each, _ in MAIL_CLIENTS],
        *[(each, "person") for each in (*BROWSERS, *IN_APPS, *DEVICES)],
        *[(each, "mail_proxy") for each, _ in IMAGE_PROXIES],
        *[(each, "bot") for each, _ in (*BOTS, *CRAWLERS_AS_BROWSERS)],
        *[(each, kind) for each, _, (kind, _) in RULES],
    ],
)
def test_case_of_the_letters_does_not_matter(user_agent, kind):
    """Some proxies change it."""
    assert identify_text(user_agent.lower()).kind == kind
    assert identify_text(user_agent.upper()).kind == kind


@pytest.mark.parametrize("end", ["", " (via a proxy)", ",gzip(gfe)"])
def test_prefetch_of_gmail_is_told_from_the_browser_that_it_copies(end):
    edge = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246"
    )
    gmail = f"{edge} Mozilla/5.0{end}"
    assert identify_text(gmail) == Agent("prefetch", "Gmail prefetch", False)
    assert identify_text(edge).kind == "person"
    opened = identify_text(f"{gmail} (via ggpht.com GoogleImageProxy)")
    assert opened == Agent("mail_proxy", "Gmail", True)


def test_every_rule_has_a_user_agent_in_these_tests():
    pairs = (*MAIL_CLIENTS, *IMAGE_PROXIES, *BOTS)
    names = {name for _, name in pairs} | {name for _, name, _ in RULES}
    names.add("Gmail prefetch")
    assert {rule.name for rule in (*BEFORE_DATA_SET, *AFTER_DATA_SET)} == names
