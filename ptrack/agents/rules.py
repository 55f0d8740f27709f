"""The table of the agents that ptrack itself knows, in the order of their precedence.

docs/agents.md shows it, with the limits of each rule; a test compares the two. No rule
looks at the case of letters, because some proxies change it. The time of each grows in
proportion to the length of a user agent.
"""

import re
from dataclasses import dataclass
from functools import cached_property
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
        marks: Texts. The user agent has at least one of these,
        patterns: or a match of one of these regular expressions, in lower case. They
            begin with plain characters where they can: these are found fast.
        without: Texts of which it has none.
        whole: A mark is the whole user agent, not a part of it.
    """

    name: str
    kind: AgentKind
    on_open: bool | None
    source: str
    marks: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    whole: bool = False

    def matches(self, text: str) -> bool:
        """Return whether a user agent, in lower case, is this agent's."""
        if self.whole:
            return text in self._marks
        found = _has_one(text, self._marks) or self._has_pattern(text)
        return found and not _has_one(text, self._without)

    def _has_pattern(self, text: str) -> bool:
        return any(re.search(pattern, text) for pattern in self.patterns)

    @cached_property
    def _marks(self) -> tuple[str, ...]:
        return tuple(mark.lower() for mark in self.marks)

    @cached_property
    def _without(self) -> tuple[str, ...]:
        return tuple(text.lower() for text in self.without)


def _has_one(text: str, parts: tuple[str, ...]) -> bool:
    for part in parts:  # noqa: SIM110 - faster than any(), and most of a call's time
        if part in text:
            return True
    return False


_CRAWLERS = "https://github.com/monperrus/crawler-user-agents"
_MATOMO = "https://github.com/matomo-org/device-detector/blob/master/regexes/{}.yml"
_BOTS = _MATOMO.format("bots")
_BROWSERS = _MATOMO.format("client/browsers")
_CLIENTS = _MATOMO.format("client/pim")
_LIBRARIES = _MATOMO.format("client/libraries")
_UA_PARSER = "https://github.com/ua-parser/uap-core/issues/{}"
_UA_PARSER_JS = (
    "https://github.com/faisalman/ua-parser-js/blob/master/test/data/ua/extension/"
    "email.json"
)
_BROWSCAP = (
    "https://github.com/browscap/browscap/tree/master/resources/user-agents/"
    "email-clients"
)

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
        "Gmail prefetch",
        "prefetch",
        False,
        "https://www.sparkpost.com/blog/gmail-prefetching-images/",
        ("Edge/12.246 Mozilla/5.0",),
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
    Rule("Rambler Mail", "mail_proxy", None, _BOTS, ("RamblerMail/",)),
    Rule("Yandex Mail", "mail_proxy", None, _BOTS, ("YandexImageResizer/",)),
    Rule(
        "Camo",
        "mail_proxy",
        None,
        "https://github.com/atmos/camo",
        (),
        patterns=(r"camo(?<=\bcamo)\b",),
    ),
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
    Rule(
        "another image proxy",
        "mail_proxy",
        None,
        _BOTS,
        (),
        patterns=("mail[ _-]?proxy", "image[ _-]?proxy"),
    ),
)
"""These come before the data set, which calls them bots or doesn't know them."""


SAYS_IT_IS_A_BOT = (
    Rule(
        "bot by its own words",
        "bot",
        False,
        _BOTS,
        (
            "analyz",
            "archiver",
            "audit",
            "collector",
            "crawl",
            "extract",
            "favicon",
            "fetch",
            "-Google/",
            "headless",
            "indexer",
            "inspector",
            "like Gecko; compatible",
            "Link Preview",
            "LinkPreview",
            "lookup",
            "Page Speed",
            "PhantomJS",
            "probe",
            "resolver",
            "scrap",
            "screenshot",
            "searcher",
            "spider",
            "synthetic",
            "uptime",
            "validat",
            "verif",
            "wkhtmlto",
        ),
        patterns=(
            "bot(?<!cubot)(?<!irobot)(?<!angebot)s?(?![a-z])",
            r"robot(?<!\birobot)(?!ics)",
            "check(?<!mailcheck)(?!out)(?! ?point)(?!24/)",
            "monitor(?<!smartmonitor)(?<!smart monitor)",
            "google-(?!api-objc)",
            "like gecko; google(?!weblight)",
            "research(?<!presearch)",
            "scan(?<!camscan)",
            r"safari/[\d.]+ \(compatible; ",
            r"firefox/[\d.]+ \(compatible; ",
        ),
    ),
    Rule(
        "bot that gives an address",
        "bot",
        False,
        _BOTS,
        ("http://", "https://"),
        patterns=(
            r"@(?<=\w@)[\w-]+\.[a-z]{2}",
            r"\+(?<=[ (;]\+)[\w.-]+\.[a-z]{2}",
        ),
        without=("bsalsa.com", "QtWeb", "avantbrowser", "orcabrowser"),
    ),
)
"""By these, an agent says itself that it is a machine."""


def _make_client(name: str, *marks: str, source: str = _CLIENTS) -> Rule:
    return Rule(name, "person", True, source, marks)


AFTER_DATA_SET = (
    SAYS_IT_IS_A_BOT[0],
    _make_client(
        "Outlook",
        "Outlook",
        "Microsoft Office/",
        "ms-office",
        "MSOffice ",
        "MAPI ",
        "MAPI/",
        "MAPI)",
        "MAPI;",
    ),
    _make_client(
        "Windows Mail",
        "Windows Mail",
        "WindowsMail/",
        "Windows-Live-Mail",
        "Windows Live Mail",
    ),
    _make_client("Entourage", "Entourage", source=_BROWSCAP),
    _make_client(
        "Thunderbird",
        "Thunderbird",
        "Betterbird",
        "Framabird",
        "Spicebird",
        "Icedove",
        "Shredder/",
    ),
    _make_client("SeaMonkey", "SeaMonkey", "Iceape"),
    _make_client("Airmail", "Airmail"),
    _make_client(
        "Notes",
        "Lotus-Notes",
        "Lotus Notes",
        "IBM-Notes",
        "IBM Notes",
        "HCL Notes",
        "HCL-Notes",
    ),
    _make_client("Postbox", "Postbox"),
    _make_client("The Bat!", "The Bat!", "TheBat"),
    _make_client("eM Client", "eM Client", "eMClient", "eM_Client"),
    _make_client("Mailspring", "Mailspring"),
    _make_client("Mailbird", "Mailbird"),
    _make_client("MailBar", "MailBar"),
    _make_client("Mail Master", "MailMaster"),
    _make_client("BlueMail", "BlueMail"),
    _make_client("Foxmail", "Foxmail"),
    _make_client("Barca", "Barca/", "BarcaPro"),
    _make_client("NAVER Mail", "NaverMailApp"),
    _make_client("Yahoo Mail app", "Yahoo%20Mail", "YahooMobile", "jp.co.yahoo.ymail"),
    _make_client("Gmail app", "Android-Gmail", "com.google.Gmail"),
    _make_client(
        "Mail.ru app", "ru.mail.mailapp", "com.my.mail", "mobmail", source=_BROWSCAP
    ),
    _make_client("Zimbra Desktop", "zdesktop", "Zimbra", source=_BROWSCAP),
    _make_client("KMail", "KMail", "Kontact/", source=_BROWSCAP),
    _make_client(
        "Evolution", "Evolution/", "Evolution-", "Evolution 3", source=_BROWSCAP
    ),
    _make_client("Eudora", "Eudora", source=_BROWSCAP),
    _make_client("IncrediMail", "IncrediMail", source=_BROWSCAP),
    _make_client("Sparrow", "Sparrow/", source=_BROWSCAP),
    _make_client(
        "mail client of another name",
        "Acompli",
        "aerc/",
        "Alpine/",
        "Alpine ",
        "Balsa",
        "Becky!",
        "Boxer/",
        "Canary/",
        "CloudMagic",
        "FirstClass/",
        "Geary",
        "Gnus/",
        "GroupWise",
        "Horde::IMP",
        "Horde/",
        "K-9",
        "Mailbox/",
        "MailDroid",
        "MailMate",
        "Mailpile",
        "Mailplane",
        "Mimestream",
        "Missive",
        "Mulberry/",
        "Mutt/",
        "NeoMutt",
        "Newton/",
        "Nine/",
        "Nine-",
        "Nylas-N1",
        "Pine/",
        "Polymail",
        "ProtonMail",
        "R2Mail2",
        "RainLoop",
        "Readdle",
        "RdlSpark",
        "Roundcube",
        "Shuriken",
        "SOGo/",
        "Spark/",
        "SparkDesktop",
        "Spike/",
        "Superhuman",
        "Sylpheed",
        "TouchDown",
        "Trojit",
        "Turnpike",
        "Tuta/",
        "Tutanota",
        "TypeApp/",
        "Unibox/",
        "Wanderlust/",
        "Wavebox/",
        "ZohoTrident",
        source=_UA_PARSER_JS,
    ),
    Rule(
        "mail client by its own words",
        "person",
        True,
        _UA_PARSER_JS,
        (
            "Mail/",
            "Mail app",
            "Mail client",
            "mailapp",
            "-email",
            "android.email",
            "Apple Mail",
            "Samsung Email",
            "DAVdroid/",
            "DAVx5/",
        ),
        patterns=(
            r"mail[ /]\(?v?\d",
            r"\.e?mail(?![a-z.])",
            r"^[\w. -]{0,30}mail(?![a-z.:@])(?! ex)(?! secur)(?! protect)",
            r"^mail\.ru",
        ),
    ),
    SAYS_IT_IS_A_BOT[1],
    Rule(
        "Apple Mail or another WebKit app",
        "person",
        True,
        _UA_PARSER.format(528),
        ("AppleWebKit",),
        without=("Safari/", "Chrome/", "Version/"),
    ),
    Rule(
        "browser",
        "person",
        True,
        _BROWSERS,
        (
            "Firefox/",
            "FxiOS/",
            "Chrome/",
            "Safari/",
            "AppleWebKit",
            "Trident/",
            "MSIE ",
            "Opera/",
            "Opera ",
            "Presto/",
            "Gecko/",
            "Goanna/",
            "Ladybird/",
            "KHTML/",
            "Konqueror/",
            "NetFront/",
            "UCWEB",
            "UCBrowser/",
            "Browser/",
            "WAP Browser",
            "IBrowse",
            "ABrowse",
            "iCab",
            "BlackBerry",
            "HbbTV/",
            "Monazilla/",
            "MIDP-",
            "Lynx/",
            "Links/",
            "Links (",
            "w3m/",
            "Dillo/",
            "Mosaic/",
        ),
    ),
    Rule(
        "HTTP library",
        "bot",
        False,
        _LIBRARIES,
        ("HttpAsyncClient", "httplib", "libcurl", "PowerShell/", "PycURL", "WinHttp"),
        patterns=(
            "http[ -]?client",
            r"^deno/",
            r"^bun/",
            r"^faraday",
            r"^guzzle",
            r"^java/?\d",
            r"^lwp[-:]",
            r"^node(?![a-z])",
            r"^php[/-]",
            r"^postmanruntime/",
            r"^reqwest/",
            r"^restsharp",
            r"^ruby(?![a-z])",
            r"^undici",
        ),
    ),
    Rule(
        "bot in the form of one",
        "bot",
        False,
        _BOTS,
        ("Mozilla/5.0 (compatible;",),
        without=(") ",),
    ),
)
"""These come after the data set: many crawlers send a browser's user agent as well."""
