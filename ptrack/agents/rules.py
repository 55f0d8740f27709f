"""The table of the agents that ptrack itself knows, in the order of their precedence.

docs/agents.md shows it, with the limits of each rule; a test compares the two. A rule
only looks for substrings, so the time depends on the length of a user agent alone.
"""

from dataclasses import dataclass
from typing import Literal

AgentKind = Literal["person", "mail_proxy", "scanner", "bot", "prefetch", "unknown"]


@dataclass(frozen=True)
class Rule:
    """A rule that recognises an agent by its user agent.

    Attributes:
        name: The agent's name.
        kind: The agent's kind.
        on_open: The agent's: see `ptrack.agents.Agent`.
        source: The page that the rule is taken from.
        marks: Texts of which the user agent has at least one.
        without: Texts of which it has none.
        whole: A mark is the whole user agent, not a part of it.
    """

    name: str
    kind: AgentKind
    on_open: bool | None
    source: str
    marks: tuple[str, ...]
    without: tuple[str, ...] = ()
    whole: bool = False

    def matches(self, user_agent: str) -> bool:
        """Return whether a user agent is this agent's."""
        if self.whole:
            return user_agent in self.marks
        return _has_one(user_agent, self.marks) and not _has_one(
            user_agent, self.without
        )


def _has_one(user_agent: str, texts: tuple[str, ...]) -> bool:
    return any(text in user_agent for text in texts)


_CRAWLERS = "https://github.com/monperrus/crawler-user-agents"
_MATOMO = "https://github.com/matomo-org/device-detector/blob/master/regexes/{}.yml"
_BOTS = _MATOMO.format("bots")
_BROWSERS = _MATOMO.format("client/browsers")
_CLIENTS = _MATOMO.format("client/pim")
_UA_PARSER = "https://github.com/ua-parser/uap-core/issues/{}"

PURPOSE_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
"""Headers in which browsers say that no person asked for this yet, newest first."""

PURPOSES = ("prefetch", "prerender", "preview", "instant")
"""Words of which such a header has one."""

BEFORE_DATA_SET = (
    Rule(
        "Gmail",
        "mail_proxy",
        True,
        "https://support.google.com/mail/answer/145919",
        ("GoogleImageProxy",),
    ),
    Rule(
        "Yahoo Mail",
        "mail_proxy",
        None,
        "https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        ("YahooMailProxy",),
    ),
    Rule("Yahoo cache", "mail_proxy", None, _BOTS, ("YahooCacheSystem",)),
    Rule(
        "Apple Mail Privacy Protection",
        "mail_proxy",
        False,
        _UA_PARSER.format(509),
        ("Mozilla/5.0",),
        whole=True,
    ),
    Rule(
        "Fastmail",
        "mail_proxy",
        True,
        "https://fastmail.com/policies/bots",
        ("FastmailUA/",),
    ),
    Rule("Seznam Email", "mail_proxy", None, _BOTS, ("SeznamEmailProxy",)),
    Rule("Ukr.net Mail", "mail_proxy", None, _BOTS, ("via secureurl.fwdcdn.com",)),
    Rule("Shortwave", "mail_proxy", None, _CRAWLERS, ("Shortwave Image Fetcher",)),
    Rule(
        "Barracuda Sentinel",
        "scanner",
        False,
        "https://github.com/JayBizzle/Crawler-Detect/issues/552",
        ("Barracuda Sentinel",),
    ),
    Rule(
        "prefetch proxy",
        "prefetch",
        False,
        _CRAWLERS,
        ("Chrome Privacy Preserving Prefetch Proxy", "CloudFlare-Prefetch"),
    ),
)
"""These come before the data set, which calls them bots or doesn't know them."""


def _make_client(name: str, *marks: str) -> Rule:
    return Rule(name, "person", True, _CLIENTS, marks)


AFTER_DATA_SET = (
    # No user agent of a person among the 31,607 of Matomo's test data has one.
    Rule("bot that gives an address", "bot", False, _BOTS, ("+http", "https://")),
    _make_client(
        "Outlook",
        "Microsoft Outlook",
        "Microsoft Office Outlook",
        "ms-office",
        "MSOffice ",
        "Outlook-iOS",
        "Outlook-Express/",
        "Outlook/",
    ),
    _make_client("Windows Mail", "WindowsMail/"),
    _make_client("Thunderbird", "Thunderbird/", "Icedove/"),
    _make_client("Airmail", "Airmail "),
    _make_client("Notes", "Lotus-Notes/"),
    _make_client("Postbox", "Postbox/", "Postbox "),
    _make_client("The Bat!", "The Bat!"),
    _make_client("eM Client", "eM Client/", "eMClient/"),
    _make_client("Mailspring", "Mailspring/"),
    _make_client("Mailbird", "Mailbird/"),
    _make_client("BlueMail", "BlueMail/"),
    _make_client("Foxmail", "Foxmail/"),
    _make_client("NAVER Mail", "NaverMailApp/"),
    _make_client("Yahoo Mail app", "Yahoo%20Mail/", "jp.co.yahoo.ymail/"),
    _make_client("Gmail app", "Android-Gmail/"),
    Rule(
        "Apple Mail or another WebKit app",
        "person",
        True,
        _UA_PARSER.format(528),
        ("AppleWebKit/",),
        without=("Safari/", "Chrome/", "Version/"),
    ),
    Rule(
        "browser",
        "person",
        True,
        _BROWSERS,
        ("Firefox/", "Chrome/", "Safari/", "Trident/", "MSIE "),
    ),
)
"""These come after the data set: many crawlers send a browser's user agent as well."""
