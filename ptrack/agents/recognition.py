"""What decides by the user agent alone: the rules, and between them the data set.

A crawler's pattern can be a common word: ``Butterfly`` and ``Sonic`` are names of
telephones too, and ``Viber`` and ``Notion/`` of apps that show pages. So the name of
the device isn't searched, and an entry of the data set counts only where its pattern
begins a word (``Sonic`` isn't Panasonic). In the user agent of a browser or a mail
client, one of these must hold as well:

- The user agent says itself that it is a bot's.
- The data set has an example of that crawler with a browser's user agent.
- Its tags say that it is a monitor or a scanner: these drive real browsers.
"""

import re
from typing import NamedTuple

from .crawlers import Entry, load_crawlers
from .rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    SAYS_IT_IS_A_BOT,
    AgentKind,
    Rule,
)

# A comment can have further ones in it: "(Linux; Android 10; M40(M5) Build/QP1A)".
_DEVICE = re.compile(
    r"\([^()]*\b(?:android|adr)\b[^()]*(?:\([^()]*\)[^()]*)*\)|\bandroid \([^()]*\)"
    # Facebook's apps name the device, its maker, its brand and the network.
    r"|\bfb(?:bd|cr|dv|md|mf)/[^;\]]*"
)
# No crawler of the lists in docs/agents.md has these words at this place.
_PHONE_APP = re.compile(
    r"( mobile(?:/\w+)?(?: safari/[\d.]+)?) \w*(?:scan|scanner|monitor)/[\d.]+$"
)
_NO_DEVICE = ("compatible;", "+http", "trident/")
_DRIVE_BROWSERS = frozenset({"monitoring", "scanner"})


class Verdict(NamedTuple):
    """The kind, the name and ``on_open`` of a `ptrack.agents.Agent`."""

    kind: AgentKind
    name: str
    on_open: bool | None


UNKNOWN = Verdict("unknown", "unknown", None)


def recognize(user_agent: str) -> Verdict:
    """Return the agent that has a user agent.

    Args:
        user_agent: A text of limited length: the time grows with it.
    """
    text = hide_names(user_agent.lower())
    return (
        _apply_rules(BEFORE_DATA_SET, text)
        or _search_data_set(text)
        or _apply_rules(AFTER_DATA_SET, text)
        or UNKNOWN
    )


def hide_names(text: str) -> str:
    """Return a user agent without names that look like a crawler's and aren't.

    These are the comments in which Android names the device, up to its build, unless
    a crawler or the Internet Explorer of Windows Phone names itself in one; the fields
    in which Facebook's apps do; and an app for scanning or monitoring behind a
    telephone's browser.

    Args:
        text: A user agent in lower case.
    """
    return _PHONE_APP.sub(r"\1", _DEVICE.sub(_hide_comment, text))


def _hide_comment(match: re.Match[str]) -> str:
    comment = match[0]
    if any(mark in comment for mark in _NO_DEVICE):
        return comment
    return "(android)" + comment.partition(" build/")[2].partition(";")[2]


def _apply_rules(rules: tuple[Rule, ...], text: str) -> Verdict | None:
    for rule in rules:
        if rule.matches(text):
            return Verdict(rule.kind, rule.name, rule.on_open)
    return None


def _search_data_set(text: str) -> Verdict | None:
    for entry in load_crawlers().find_all(text):
        if entry.begins_word(text) and (
            not _seems_a_persons(text) or _sends_browsers(entry)
        ):
            kind: AgentKind = "scanner" if "scanner" in entry.tags else "bot"
            return Verdict(kind, entry.name, False)
    return None


def _sends_browsers(entry: Entry) -> bool:
    return not _DRIVE_BROWSERS.isdisjoint(entry.tags) or any(
        _seems_a_persons(hide_names(each.lower())) for each in entry.examples
    )


def _seems_a_persons(text: str) -> bool:
    """Return whether this is a browser's or mail client's, and says of no bot."""
    if any(rule.matches(text) for rule in SAYS_IT_IS_A_BOT):
        return False
    return any(rule.kind == "person" and rule.matches(text) for rule in AFTER_DATA_SET)
