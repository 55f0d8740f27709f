"""The table of agents that ptrack knows by itself, in the order in which it is asked.

docs/agents.md shows it, with the limits of each rule; a test keeps the two together.
Only substrings are looked for, so that a stranger's user agent costs what its length
costs, and no more.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["person", "mail_proxy", "scanner", "bot", "prefetch", "unknown"]


@dataclass(frozen=True)
class Rule:
    """Tells an agent by its user agent.

    Attributes:
        name: Of the agent.
        kind: Of the agent.
        on_open: Of the agent; see `ptrack.agents.Agent`.
        source: The page that says so.
        marks: Texts of which the user agent has at least one.
        without: Texts of which it has none.
        whole: A mark is the whole user agent, rather than a part of it.
    """

    name: str
    kind: Kind
    on_open: bool | None
    source: str
    marks: tuple[str, ...]
    without: tuple[str, ...] = ()
    whole: bool = False

    def matches(self, user_agent: str) -> bool:
        """Tell whether a user agent is this one's."""
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
"""Headers in which browsers say that nobody has asked for this yet, newest first."""

PURPOSES = ("prefetch", "prerender", "preview", "instant")
"""What is in such a header's value then."""

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
"""Asked before the data set, which calls all of them bots, or doesn't know them."""


def _client(name: str, *marks: str) -> Rule:
    return Rule(name, "person", True, _CLIENTS, marks)


AFTER_DATA_SET = (
    # No user agent of a person among the 31,607 of Matomo's test data has one.
    Rule("bot that gives an address", "bot", False, _BOTS, ("+http", "https://")),
    _client(
        "Outlook",
        "Microsoft Outlook",
        "Microsoft Office Outlook",
        "ms-office",
        "MSOffice ",
        "Outlook-iOS",
        "Outlook-Express/",
        "Outlook/",
    ),
    _client("Windows Mail", "WindowsMail/"),
    _client("Thunderbird", "Thunderbird/", "Icedove/"),
    _client("Airmail", "Airmail "),
    _client("Notes", "Lotus-Notes/"),
    _client("Postbox", "Postbox/", "Postbox "),
    _client("The Bat!", "The Bat!"),
    _client("eM Client", "eM Client/", "eMClient/"),
    _client("Mailspring", "Mailspring/"),
    _client("Mailbird", "Mailbird/"),
    _client("BlueMail", "BlueMail/"),
    _client("Foxmail", "Foxmail/"),
    _client("NAVER Mail", "NaverMailApp/"),
    _client("Yahoo Mail app", "Yahoo%20Mail/", "jp.co.yahoo.ymail/"),
    _client("Gmail app", "Android-Gmail/"),
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
"""Asked after the data set: many a crawler's user agent has a browser's in it."""
