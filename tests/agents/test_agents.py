"""ptrack.agents: judging requests by real user agents."""

import random
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import webob
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from django.test import AsyncRequestFactory, RequestFactory

import ptrack
from ptrack.agents import (
    CACHED,
    CLICK_WITHIN,
    MAX_LENGTH,
    OPEN_WITHIN,
    Agent,
    Cause,
    identify,
    too_fast,
)
from ptrack.agents.crawlers import NOT_CRAWLERS, load_crawlers
from ptrack.agents.rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    PURPOSE_HEADERS,
    AgentKind,
)
from ptrack.background import worker
from ptrack.core.callbacks import Tracker
from ptrack.core.hits import Hit
from ptrack.core.kinds import LINK, PIXEL, Kind
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request, make_environ, open_adapters
from tests.processes import run_python

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 "
GMAIL = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
    "(via ggpht.com GoogleImageProxy)"
)

# -- requests -------------------------------------------------------------------------


def lower_names(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


REQUESTS: dict[str, Any] = {
    "django": lambda headers: RequestFactory().get("/", headers=lower_names(headers)),
    "asgi": lambda headers: AsyncRequestFactory().get(
        "/", headers=lower_names(headers)
    ),
    "ptrack": lambda headers: PixelRequest.blank("/", headers=headers),
    "webob": lambda headers: webob.Request.blank("/", headers=headers),
    "environ": lambda headers: {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in headers.items()
    },
}
every_request = pytest.mark.parametrize(
    "make", list(REQUESTS.values()), ids=list(REQUESTS)
)


def identify_text(user_agent: str) -> Agent:
    return identify({"HTTP_USER_AGENT": user_agent})


# -- the table ------------------------------------------------------------------------

PERSON = ("person", True)
UNSURE = ("mail_proxy", None)

RULES = [
    (GMAIL, "Gmail", ("mail_proxy", True)),
    ("Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Gmail", ("mail_proxy", True)),
    (
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Yahoo Mail",
        UNSURE,
    ),
    ("YahooCacheSystem; YahooWebServiceClient", "Yahoo cache", UNSURE),
    ("Mozilla/5.0", "Apple Mail Privacy Protection", ("mail_proxy", False)),
    (
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/118.0.5993.117 Safari/537.36 FastmailUA/1.0"
        ),
        "Fastmail",
        ("mail_proxy", True),
    ),
    ("Mozilla/5.0 SeznamEmailProxy/2.0.174", "Seznam Email", UNSURE),
    (
        (
            "Mozilla/5.0 (Windows NT 6.3; WOW64; rv:35.0) Gecko/20100101 Firefox/35.0 "
            "(via secureurl.fwdcdn.com)"
        ),
        "Ukr.net Mail",
        UNSURE,
    ),
    ("Shortwave Image Fetcher", "Shortwave", UNSURE),
    ("Barracuda Sentinel (EE)", "Barracuda Sentinel", ("scanner", False)),
    (
        "Chrome Privacy Preserving Prefetch Proxy",
        "prefetch proxy",
        ("prefetch", False),
    ),
    (
        "Mozilla/5.0 (compatible; CloudFlare-Prefetch/0.1; +http://www.cloudflare.com/)",
        "prefetch proxy",
        ("prefetch", False),
    ),
    (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/99.0.4844.51 Safari/537.36 "
            "(https://securitee.org/cms-experiment-fall2024/)"
        ),
        "bot that gives an address",
        ("bot", False),
    ),
    (
        (
            "Microsoft Office/12.0 (Windows NT 6.1; "
            "Microsoft Office Outlook 12.0.6739; Pro)"
        ),
        "Outlook",
        PERSON,
    ),
    (
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.6326; Pro)",
        "Outlook",
        PERSON,
    ),
    (
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/8.0; "
            ".NET4.0C; Microsoft Outlook 16.0.6366; ms-office; MSOffice 16)"
        ),
        "Outlook",
        PERSON,
    ),
    ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "Outlook", PERSON),
    ("MacOutlook/16.46.21021202 (Intelx64 Mac OS X 11.2.2)", "Outlook", PERSON),
    ("Outlook-iOS/709.2042344.prod.iphone (3.21.0)", "Outlook", PERSON),
    ("Outlook/16.16.18071205 CFNetwork/902.1 Darwin/17.7.0", "Outlook", PERSON),
    ("Outlook-Express/7.0 (MSIE 7.0; Windows NT 6.1; TmstmpExt)", "Outlook", PERSON),
    ("WindowsMail/17.5.9600.22013", "Windows Mail", PERSON),
    (
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:24.0) Gecko/20100101 "
            "Thunderbird/24.4.0 Lightning/2.6.4"
        ),
        "Thunderbird",
        PERSON,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:24.0) Gecko/20100101 Icedove/24.4.0",
        "Thunderbird",
        PERSON,
    ),
    ("Airmail 1.4 rv:238 (Macintosh; Mac OS X 10.9.2; hr_HR)", "Airmail", PERSON),
    ("Mozilla/4.0 (compatible; Lotus-Notes/6.0; Windows-NT)", "Notes", PERSON),
    ("Postbox 1.0b14 (Windows/2009072715)", "Postbox", PERSON),
    ("The Bat! 4.0.0.22", "The Bat!", PERSON),
    (f"{CHROME} eM Client/8.2.1659.0", "eM Client", PERSON),
    ("eMClient/9.3.6041.0", "eM Client", PERSON),
    (
        (
            "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Mailspring/1.7.4 Chrome/69.0.3497.128 Electron/4.2.2 Safari/537.36"
        ),
        "Mailspring",
        PERSON,
    ),
    (f"{CHROME} Mailbird/2.4.30.0/", "Mailbird", PERSON),
    (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) BlueMail/0.10.31 Chrome/61.0.3163.100 Electron/2.0.18 Safari/537.36"
        ),
        "BlueMail",
        PERSON,
    ),
    (f"{CHROME} Foxmail/7.2.25.213", "Foxmail", PERSON),
    ("NaverMailApp/2.2.2 (Android 10; SM-G986N)", "NAVER Mail", PERSON),
    (
        "Yahoo%20Mail/49268 CFNetwork/1121.2.2 Darwin/19.3.0",
        "Yahoo Mail app",
        PERSON,
    ),
    (
        "Android-Gmail/64562652 (sw411dp; 420dpi) (r7 TP1A.220624.014)",
        "Gmail app",
        PERSON,
    ),
    (
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_6) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko)"
        ),
        "Apple Mail or another WebKit app",
        PERSON,
    ),
    (
        f"{IPHONE}(KHTML, like Gecko) Mobile/15E148",
        "Apple Mail or another WebKit app",
        PERSON,
    ),
    (CHROME, "browser", PERSON),
    (f"{CHROME} Edg/126.0.0.0", "browser", PERSON),
    (
        f"{IPHONE}(KHTML, like Gecko) Version/17.3 Mobile/15E148 Safari/604.1",
        "browser",
        PERSON,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "browser",
        PERSON,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "browser",
        PERSON,
    ),
]


@every_request
@pytest.mark.parametrize(("user_agent", "name", "rest"), RULES)
def test_user_agent_is_known_in_requests_of_every_kind(make, user_agent, name, rest):
    kind, on_open = rest
    found = identify(make({"User-Agent": user_agent}))
    assert found == Agent(kind, name, on_open)


@every_request
@pytest.mark.parametrize(
    ("user_agent", "kind", "name"),
    [
        (
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "bot",
            "Slackbot",
        ),
        ("WhatsApp/2.23.20.0", "bot", "WhatsApp"),
        ("facebookexternalhit/1.1", "bot", "facebookexternalhit"),
        ("curl/8.5.0", "bot", "curl"),
        ("python-requests/2.32.0", "bot", "python-requests"),
        ("sqlmap/1.8#stable (https://sqlmap.org)", "scanner", "sqlmap"),
        (
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
                "Googlebot/2.1; +http://www.google.com/bot.html) Safari/537.36"
            ),
            "bot",
            "Googlebot",
        ),
    ],
)
def test_data_set_is_searched(make, user_agent, kind, name):
    assert identify(make({"User-Agent": user_agent})) == Agent(kind, name, False)


@every_request
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ("Purpose", "prefetch"),
        ("X-Purpose", "preview"),
        ("X-Purpose", "instant"),
        ("X-Moz", "Prefetch"),
    ],
)
def test_header_that_states_a_prefetch_is_believed(make, header, value):
    assert header in PURPOSE_HEADERS
    headers = {"User-Agent": CHROME, header: value}
    assert identify(make(headers)) == Agent("prefetch", header, False)
    assert identify(make({header: value})).kind == "prefetch"


@pytest.mark.parametrize("value", ["", "visit", "fetch", "x" * 9000])
def test_header_that_states_anything_else_changes_nothing(value):
    headers = {"HTTP_USER_AGENT": CHROME, "HTTP_PURPOSE": value}
    assert identify(headers) == identify_text(CHROME)


@every_request
@pytest.mark.parametrize("headers", [{}, {"User-Agent": ""}, {"User-Agent": "  "}])
def test_no_user_agent_is_unknown(make, headers):
    assert identify(make(headers)) == Agent("unknown", "no user agent", None)


@pytest.mark.parametrize(
    "user_agent",
    [
        "Dalvik/2.1.0 (Linux; U; Android 11)",
        "x",
        "Mozilla/5.0 (",
        "Mozilla/4.0",
        "\xe9",
    ],
)
def test_user_agent_without_a_rule_is_unknown(user_agent):
    assert identify_text(user_agent) == Agent("unknown", "unknown", None)


# -- precedence -----------------------------------------------------------------------


def test_header_comes_before_the_user_agent():
    for user_agent in (GMAIL, "curl/8.5.0", CHROME):
        headers = {"HTTP_USER_AGENT": user_agent, "HTTP_SEC_PURPOSE": "prefetch"}
        assert identify(headers).kind == "prefetch"


def test_proxies_come_before_the_data_set_which_calls_them_bots():
    assert list(load_crawlers().find_all(GMAIL.lower()))
    assert identify_text(GMAIL).kind == "mail_proxy"


def test_data_set_comes_before_the_client_that_a_crawler_pretends_to_be():
    user_agent = (
        "Mozilla/5.0 (Windows; U; Windows NT 5.0; en-US; rv:1.7.10) Gecko/20050716 "
        "Thunderbird/1.0.6 - WebCrawler http://cognitiveseo.com/bot.html"
    )
    assert identify_text(user_agent).kind == "bot"


def test_client_comes_before_the_browser_that_it_is_made_of():
    assert identify_text(f"{CHROME} Mailbird/2.4.30.0/").name == "Mailbird"


def test_mozilla_is_apples_proxy_only_if_it_is_the_whole_user_agent():
    assert identify_text("Mozilla/5.0 ").name == "Apple Mail Privacy Protection"
    assert identify_text("Mozilla/5.0 (X11)").kind == "unknown"
    assert identify_text("Mozilla/5.01").kind == "unknown"


# -- any user agent -------------------------------------------------------------------


def test_every_example_of_the_data_set_is_a_machine():
    for entry in CRAWLER_USER_AGENTS_DATA:
        if entry["pattern"] not in NOT_CRAWLERS:
            for example in entry["instances"]:
                assert identify_text(example).kind not in ("person", "unknown"), example


def make_garbage() -> list[str]:
    """Return nonsense of all lengths, the same in every run, with real parts in it."""
    chance = random.Random(5)
    parts = [user_agent for user_agent, _, _ in RULES]
    alphabet = "".join(map(chr, range(256))) + "()/;.*+?[]{}\\\u2028\ud800𝒳"
    found = []
    for length in [*range(40), 511, 512, 513, 10_000]:
        text = "".join(chance.choices(alphabet, k=length))
        cut = chance.randrange(length + 1)
        found += [text, text[:cut] + chance.choice(parts) + text[cut:]]
    repeated = (
        "Spider",
        "ContextualBot",
        "a/",
        "\0",
        "(android ",
        "(a)",
        "a@a-",
        "mail ",
    )
    return [*found, *(part * 9999 for part in repeated)]


def test_garbage_never_raises_and_is_in_no_name():
    known = {rule.name for rule in (*BEFORE_DATA_SET, *AFTER_DATA_SET)}
    examples = [
        example for entry in CRAWLER_USER_AGENTS_DATA for example in entry["instances"]
    ]
    for text in make_garbage():
        for header in ("HTTP_USER_AGENT", "HTTP_SEC_PURPOSE", "HTTP_X_MOZ"):
            found = identify({header: text})
            assert found.name in {
                *known,
                *PURPOSE_HEADERS,
                "unknown",
                "no user agent",
            } or any(found.name in example for example in examples)


def test_user_agent_is_read_up_to_its_limit():
    assert identify_text("x" * 500 + " curl GoogleImageProxy").kind == "unknown"
    assert identify_text("x" * 480 + " GoogleImageProxy").name == "Gmail"


@pytest.mark.parametrize("value", [None, 7, b"curl/8"])
def test_user_agent_that_is_not_text_counts_as_missing(value):
    assert identify({"HTTP_USER_AGENT": value}).name == "no user agent"


def test_anything_but_a_request_is_an_error():
    with pytest.raises(TypeError, match="a request"):
        identify("curl/8.5.0")


def test_answers_are_kept_up_to_a_bound():
    """An answer that is kept is the same object as before."""
    kept = identify_text("curl/8.5.0")
    assert identify_text("curl/8.5.0") is kept
    for number in range(CACHED):
        identify_text(f"Mail/{number}")
    assert identify_text("curl/8.5.0") is not kept
    assert identify_text("curl/8.5.0") == kept


def test_answer_is_kept_for_the_part_of_a_user_agent_that_is_read():
    long = "curl/8.5.0".ljust(MAX_LENGTH, "x")
    assert identify_text(long) is identify_text(f"{long}y")


# -- the cause ------------------------------------------------------------------------

CAUSES = {
    ("person", True): "person",
    ("person", False): "person",
    ("person", None): "person",
    ("mail_proxy", True): "person",
    ("mail_proxy", False): "machine",
    ("mail_proxy", None): "unknown",
    ("scanner", True): "machine",
    ("scanner", False): "machine",
    ("scanner", None): "machine",
    ("bot", True): "machine",
    ("bot", False): "machine",
    ("bot", None): "machine",
    ("prefetch", True): "machine",
    ("prefetch", False): "machine",
    ("prefetch", None): "machine",
    ("unknown", True): "unknown",
    ("unknown", False): "unknown",
    ("unknown", None): "unknown",
}


@pytest.mark.parametrize("kind", get_args(AgentKind))
@pytest.mark.parametrize("on_open", [True, False, None])
def test_every_agent_has_one_cause(kind: AgentKind, on_open: bool | None):
    assert Agent(kind, "x", on_open).cause == CAUSES[kind, on_open]


@pytest.mark.parametrize(
    ("user_agent", "cause"),
    [
        (CHROME, "person"),
        (GMAIL, "person"),
        ("Mozilla/5.0", "machine"),
        ("YahooMailProxy", "unknown"),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", "machine"),
        ("curl/8.5.0", "machine"),
        ("CloudFlare-Prefetch/0.1", "machine"),
        ("Something/1.0", "unknown"),
        ("", "unknown"),
    ],
)
def test_cause_is_found_by_the_user_agent(user_agent: str, cause: Cause):
    assert identify_text(user_agent).cause == cause


# -- too fast -------------------------------------------------------------------------


SENT = 1_700_000_000.5


def make_hit(seconds: float, kind: Kind = PIXEL) -> Hit:
    """Return a hit of so many seconds after `SENT`."""
    target = "https://h.example/" if kind is LINK else None
    found = Hit(kind, PixelRequest.blank("/"), (), {}, target)
    found.identify(UUID(int=7), datetime.fromtimestamp(SENT + seconds, UTC))
    return found


@pytest.mark.parametrize(
    ("passed", "within", "expected"),
    [
        (0, 10, True),
        (9.9, 10, True),
        (10, 10, False),
        (86_400, 10, False),
        (-3, 10, True),
        (3, 2, False),
        (0, 0, False),
    ],
)
def test_hit_is_too_fast_within_the_given_seconds(passed, within, expected):
    hit = make_hit(passed)
    assert too_fast(hit.request, SENT, within=within) is expected
    assert too_fast(hit, SENT, within=within) is expected
    assert too_fast(hit.at, SENT, within=within) is expected
    assert too_fast(SENT + passed, SENT, within=within) is expected


@pytest.mark.parametrize(
    ("kind", "passed", "expected"),
    [
        (PIXEL, 0, True),
        (PIXEL, 9, True),
        (PIXEL, 19.9, True),
        (PIXEL, 20, False),
        (LINK, 0, True),
        (LINK, 43, True),
        (LINK, 59.9, True),
        (LINK, 60, False),
        (LINK, 300, False),
    ],
)
def test_default_is_that_of_the_kind(kind: Kind, passed, expected):
    assert (OPEN_WITHIN, CLICK_WITHIN) == (20, 60)
    assert too_fast(make_hit(passed, kind).request, SENT) is expected


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-5)), ZoneInfo("Europe/Berlin")]
)
def test_time_of_the_send_can_be_a_datetime_of_any_zone(zone):
    sent = datetime.fromtimestamp(SENT, zone)
    assert too_fast(make_hit(19), sent)
    assert not too_fast(make_hit(20), sent)
    assert too_fast(sent, sent, within=1)


def test_no_hit_is_too_fast_if_the_send_is_not_known():
    assert not too_fast(make_hit(0), None)
    assert not too_fast(make_hit(0).at, None)


@pytest.mark.parametrize(
    "value",
    [
        "1700000000",
        "2026-01-01T00:00:00+00:00",
        b"1",
        True,
        [],
        {},
        datetime(2026, 1, 1),
    ],
    ids=str,
)
def test_time_of_another_type_is_an_error_that_says_what_to_do(value):
    kind = type(value).__name__
    match = rf"^sent_at must be seconds .+ time\.time\(\) .+ zone, not a {kind}$"
    with pytest.raises(TypeError, match=match):
        too_fast(make_hit(0), value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, SENT * 1000, 10**400]
)
def test_time_that_is_not_in_seconds_is_an_error(value):
    match = "^sent_at must be seconds, of the years 1970 to 2999$"
    with pytest.raises(ValueError, match=match):
        too_fast(make_hit(0), value)
    with pytest.raises(ValueError, match=r"^hit must"):
        too_fast(value, SENT, within=1)


def test_stored_hit_needs_the_seconds():
    with pytest.raises(TypeError, match="OPEN_WITHIN or CLICK_WITHIN"):
        too_fast(make_hit(0).at, SENT)


@pytest.mark.parametrize("value", ["x", None, {"HTTP_USER_AGENT": "curl/8"}])
def test_anything_but_a_hit_is_an_error(value):
    with pytest.raises(TypeError, match="a request that takes attributes is needed"):
        too_fast(value, SENT)


ADAPTERS = "middleware", "async middleware", "urls", "async urls", "wsgi", "asgi"


@pytest.mark.parametrize("name", ADAPTERS)
def test_request_of_every_adapter_has_the_time_and_the_kind(name: str):
    with open_adapters() as adapters:
        for url, usual in (
            (ptrack.pixel_url(), OPEN_WITHIN),
            (ptrack.link_url("https://h.example/"), CLICK_WITHIN),
        ):
            before = time.time()
            path = url.removeprefix("https://www.example.com").encode()
            [request] = adapters[name](Request(path=path)).requests
            assert too_fast(request, before - usual + 1)
            assert not too_fast(request, before - usual - 1)


@pytest.mark.parametrize(
    ("base", "make_url", "usual"),
    [
        (ptrack.TrackingPixel, PtrackWSGIMiddleware.pixel_url, OPEN_WITHIN),
        (
            ptrack.TrackingLink,
            lambda app, **kwargs: app.link_url("https://h.example/", **kwargs),
            CLICK_WITHIN,
        ),
    ],
)
def test_worker_judges_by_the_time_of_the_request(
    own_tracker: Tracker, monkeypatch: pytest.MonkeyPatch, base, make_url, usual
):
    """A job that waited for an hour has the verdict that the request would have."""
    verdicts, jobs = [], []

    def record(self: Any, request: Any, *args: Any, sent: float) -> None:
        verdicts.append(too_fast(request, sent))

    fields = {"background": True, "record": record, "__module__": __name__}
    own_tracker.register(type("Slow", (base,), fields))
    engine = SimpleNamespace(enqueue=jobs.append)
    app = PtrackWSGIMiddleware(None, tracker=own_tracker, pixels=(), background=engine)
    now = time.time()
    for passed in (usual - 5, usual + 5):
        url = make_url(app, sent=now - passed)
        path = url.removeprefix("https://www.example.com").encode()
        app(make_environ(Request(path=path)), lambda status, headers: None)
    monkeypatch.setattr("time.time", lambda: now + 3600)
    for job in jobs:
        worker.perform(job)
        worker.perform(job)
    assert verdicts == [True, True, False, False]


# -- the cost where it isn't used -----------------------------------------------------


def test_data_set_and_ipware_are_not_imported_before_they_are_used():
    out = run_python(
        "import sys, ptrack.agents\n"
        "def show(): print('crawleruseragents' in sys.modules, 'python_ipware' in"
        " sys.modules)\n"
        "show()\n"
        "ptrack.agents.identify({'HTTP_USER_AGENT': 'x'}); show()\n"
        "ptrack.agents.client_ip({'REMOTE_ADDR': '192.0.2.1'}); show()\n"
    )
    assert re.findall(r"\w+", out) == [
        "False",
        "False",
        "True",
        "False",
        "True",
        "True",
    ]


@pytest.mark.parametrize("missing", ["crawleruseragents", "python_ipware"])
def test_missing_extra_is_an_error_at_the_import_that_names_it(missing):
    out = run_python(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import ptrack, ptrack.exceptions\n"
        "try:\n"
        "    import ptrack.agents\n"
        "except ImportError as error:\n"
        "    assert isinstance(error, ptrack.exceptions.PtrackError)\n"
        "    print(error)\n"
    )
    assert out == (
        "ptrack.agents needs crawler-user-agents and python-ipware: "
        "pip install 'django-ptrack[agents]'\n"
    )


def test_rest_of_ptrack_does_not_import_it():
    out = run_python(
        "import sys, ptrack, ptrack.wsgi, ptrack.middleware, ptrack.urls\n"
        "print(sorted(name for name in sys.modules if 'agents' in name))\n",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
    assert out == "[]\n"
