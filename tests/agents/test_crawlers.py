"""ptrack.agents.crawlers: the answers of the data set's own functions, found faster."""

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA as DATA

from ptrack.agents.crawlers import NOT_CRAWLERS, Crawlers, load_crawlers

PERSON = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
ENTRIES = [
    {"pattern": r"Any\/Bot", "instances": ["Any/Bot 1"], "tags": ["seo"]},
    {"pattern": "^Start", "instances": ["Start/1"]},
    {"pattern": "ab", "instances": ["ab"]},
    {"pattern": "[cC]url|Wget", "instances": ["nothing like it"]},
    {"pattern": "x[\\s\\S]*z/", "instances": ["no", "xyz/"]},
]


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("some Any/Bot here", "Any/Bot"),
        ("Any Bot", None),
        ("any/bot", "Any/Bot"),
        ("ANY/BOT", "Any/Bot"),
        ("START", "Start"),
        ("WGET", "[cC]url|Wget"),
        ("Start", "Start"),
        ("No Start", None),
        ("ab", "ab"),
        ("curl", "[cC]url|Wget"),
        ("x<script>z/", "xyz"),
        ("Start Any/Bot", "Any/Bot"),
        ("", None),
        ("y", None),
    ],
)
def test_plain_and_other_patterns_are_found_the_first_entry_first(user_agent, name):
    """The name comes from the data set, never from a request."""
    found = next(Crawlers(ENTRIES).find_all(user_agent.lower()), None)
    assert (found and found.name) == name


def test_all_entries_are_found_in_their_order():
    found = Crawlers(ENTRIES).find_all("start ab any/bot")
    assert [entry.name for entry in found] == ["Any/Bot", "Start", "ab"]


def test_entry_has_what_the_data_set_has():
    (entry,) = Crawlers(ENTRIES).find_all("any/bot")
    assert entry == ("Any/Bot", {"seo"}, ("Any/Bot 1",), r"Any\/Bot")
    (entry,) = Crawlers(ENTRIES).find_all("start")
    assert entry == ("Start", set(), ("Start/1",), "^Start")


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("ab", True),
        ("xab", False),
        ("1ab", False),
        ("xab ab", True),
        ("AB", True),
        ("XAB", False),
        ("x/ab", True),
        ("abc", True),
    ],
)
def test_match_inside_of_a_word_is_told(user_agent, expected):
    (entry,) = Crawlers(ENTRIES).find_all(user_agent.lower())
    assert entry.begins_word(user_agent.lower()) is expected


def test_data_set_that_is_installed_agrees_with_its_own_patterns():
    """On examples, on halves of them, and on examples behind a browser's name.

    Both ignore the case of letters, because some proxies change it.
    """
    patterns = [
        re.compile(entry["pattern"], re.IGNORECASE)
        for entry in DATA
        if entry["pattern"] not in NOT_CRAWLERS
    ]
    examples = {
        text
        for entry in DATA[::4]
        for example in entry["instances"]
        for text in (example, example[: len(example) // 2], f"{PERSON} {example}")
    }
    assert len(examples) > 1000
    for text in examples:
        expected = any(pattern.search(text) for pattern in patterns)
        assert any(load_crawlers().find_all(text.lower())) == expected, text


def test_data_set_is_prepared_once():
    assert load_crawlers() is load_crawlers()


def test_browsers_that_people_use_are_left_out():
    """Each pattern that is left out is in the data set, and matches a browser."""
    known = {entry["pattern"]: entry["instances"] for entry in DATA}
    assert known.keys() >= NOT_CRAWLERS
    for pattern in NOT_CRAWLERS:
        assert any("AppleWebKit/" in each for each in known[pattern])
        assert not any(load_crawlers().find_all(known[pattern][0].lower()))
    assert not any(load_crawlers().find_all(PERSON.lower()))


def test_no_pattern_of_the_data_set_can_be_made_to_run_for_long():
    """No repetition is repeated, and few are in a pattern: the cost is polynomial."""
    for entry in DATA:
        pattern = entry["pattern"]
        assert len(re.findall(r"(?<!\\)[*+]", pattern)) <= 3, pattern
        assert not re.search(r"[*+}]\)[*+{]", pattern), pattern
