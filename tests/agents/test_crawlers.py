"""ptrack.agents.crawlers: the answers of the data set's own functions, found faster."""

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA as DATA

from ptrack.agents.crawlers import NOT_CRAWLERS, Crawler, Crawlers, load_crawlers

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
        ("any/bot", None),
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
def test_plain_and_other_patterns_are_found_by_the_first_entry(user_agent, name):
    """The name comes from the data set, never from a request."""
    found = Crawlers(ENTRIES).find(user_agent)
    assert (found and found.name) == name


def test_tags_are_those_of_the_entry():
    crawlers = Crawlers(ENTRIES)
    assert crawlers.find("Any/Bot") == Crawler("Any/Bot", frozenset({"seo"}))
    assert crawlers.find("Start") == Crawler("Start", frozenset())


def test_data_set_that_is_installed_agrees_with_its_own_patterns():
    """On examples, on halves of them, and on examples behind a browser's name."""
    patterns = [
        re.compile(entry["pattern"])
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
        assert (load_crawlers().find(text) is not None) == expected, text


def test_data_set_is_prepared_once():
    assert load_crawlers() is load_crawlers()


def test_telephones_are_not_crawlers():
    """One of its patterns is the number of an Android build, which many phones have."""
    telephone = (
        "Mozilla/5.0 (Linux; U; Android 15; en-us; PKC110 Build/AP3A.240617.008) "
        "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/115.0.5790.168 "
        "Mobile Safari/537.36"
    )
    assert any(re.search(pattern, telephone) for pattern in NOT_CRAWLERS)
    assert load_crawlers().find(telephone) is None
    assert load_crawlers().find(PERSON) is None


def test_no_pattern_of_the_data_set_can_be_made_to_run_for_long():
    """No repetition is repeated, and few are in a pattern: the cost is polynomial."""
    for entry in DATA:
        pattern = entry["pattern"]
        assert len(re.findall(r"(?<!\\)[*+]", pattern)) <= 3, pattern
        assert not re.search(r"[*+}]\)[*+{]", pattern), pattern
