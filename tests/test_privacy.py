"""ptrack.privacy: objections to tracking, and short addresses."""

import asyncio
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from django.test import Client, override_settings

import ptrack
from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.counters import Counters
from ptrack.core.endpoint import Endpoint
from ptrack.core.kinds import LINK
from ptrack.core.tokens import TokenBox
from ptrack.privacy import objects, shorten_ip
from tests.recording import register_clicks, register_recorder

BOX = TokenBox("s" * 32)
HOST = "https://www.example.com"
OBJECTIONS = [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}]
NONE = [{}, {"HTTP_SEC_GPC": "0"}, {"HTTP_DNT": "0"}, {"HTTP_DNT": "null"}]


class Request:
    def __init__(self, meta: dict[str, str]) -> None:
        self.META = meta


@pytest.mark.parametrize("meta", OBJECTIONS)
def test_either_header_is_an_objection(meta):
    assert objects(Request(meta))


@pytest.mark.parametrize("meta", [*NONE, {"HTTP_SEC_GPC": "11"}])
def test_nothing_else_is_an_objection(meta):
    assert not objects(Request(meta))


def make_endpoint(**options: Any) -> Endpoint:
    return Endpoint(
        BOX,
        encoder=lambda: None,
        tracker=Tracker(),
        prefix="/ptrack/",
        app_url=HOST,
        **options,
    )


def answer_sync(endpoint: Endpoint, token: str, meta: dict[str, str]) -> Any:
    return endpoint.answer("GET", token, lambda: Request(meta))


def answer_async(endpoint: Endpoint, token: str, meta: dict[str, str]) -> Any:
    return asyncio.run(endpoint.aanswer("GET", token, lambda: Request(meta)))


either_way = pytest.mark.parametrize("answer", [answer_sync, answer_async])


@either_way
@pytest.mark.parametrize("meta", OBJECTIONS)
def test_objection_that_is_honoured_is_answered_and_not_recorded(answer, meta):
    endpoint = make_endpoint(honour_gpc=True)
    endpoint.tracker.counters = counting = Counting()
    link = endpoint.url(LINK, (), {}, "https://target.example/")
    token = link.removeprefix(f"{HOST}/ptrack/").rstrip("/")
    with (
        register_recorder(endpoint.tracker) as opens,
        register_clicks(endpoint.tracker) as clicks,
    ):
        assert answer(endpoint, BOX.encrypt(), meta) is PIXEL_IMAGE
        headers = dict(answer(endpoint, token, meta).headers)
        assert headers["Location"] == "https://target.example/"
    assert not opens.hits
    assert not clicks.hits
    assert counting.found == {"gpc": 2}


@either_way
@pytest.mark.parametrize(
    ("options", "meta"),
    [({"honour_gpc": True}, meta) for meta in NONE] + [({}, OBJECTIONS[0])],
)
def test_all_other_requests_are_recorded(answer, options, meta):
    endpoint = make_endpoint(**options)
    with register_recorder(endpoint.tracker) as opens:
        answer(endpoint, BOX.encrypt(), meta)
    assert len(opens.hits) == 1


class Counting(Counters):
    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def ignored(self, reason: str) -> None:
        self.found[reason] += 1


def test_setting_is_off_by_default(recorder):
    path = ptrack.pixel_url().removeprefix(HOST)
    assert Client(headers={"sec-gpc": "1"}).get(path).content == GIF
    assert len(recorder.hits) == 1
    with override_settings(PTRACK_HONOUR_GPC=True):
        assert Client(headers={"sec-gpc": "1"}).get(path).content == GIF
        assert Client(headers={"dnt": "1"}).get(path).content == GIF
    assert len(recorder.hits) == 1


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("0.0.0.0", "0.0.0.0"),
        (IPv4Address("192.0.2.1"), "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("2001:0DB8:0001:FFFF::", "2001:db8:1::"),
        ("::1", "::"),
        (IPv6Address("2001:db8:ffff:ffff::1"), "2001:db8:ffff::"),
    ],
)
def test_last_8_bits_of_ipv4_and_last_80_of_ipv6_are_cleared(ip, expected):
    assert shorten_ip(ip) == expected


@pytest.mark.parametrize("ip", ["::ffff:203.0.113.77", "::FFFF:cb00:714d"])
def test_ipv4_address_in_an_ipv6_one_is_the_ipv4_address(ip):
    """As an IPv6 address, it would be the same for everyone."""
    assert shorten_ip(ip) == "203.0.113.0"


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        (" 203.0.113.77\n", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        (IPv6Address("fe80::1%eth0"), "fe80::"),
        ("::ffff:203.0.113.77%1", "203.0.113.0"),
    ],
)
def test_white_space_and_scopes_are_dropped(ip, expected):
    assert shorten_ip(ip) == expected


@pytest.mark.parametrize("ip", ["203.0.113.77", "2001:db8:1:2::3", "::ffff:192.0.2.1"])
def test_shortened_address_stays_as_it_is(ip):
    short = shorten_ip(ip)
    assert shorten_ip(short) == short
    assert ip_address(short) in ip_network(f"{short}/{24 if '.' in short else 48}")


@pytest.mark.parametrize(
    "ip",
    [
        "",
        "garbage",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.077",
        "203.0.113.77, 192.0.2.1",
        "203.0.113.0/24",
        "[::1]",
        "%eth0",
        "²03.0.113.7",
        None,
        77,
        b"\xcb\x00\x71\x4d",
    ],
)
def test_other_text_is_an_error_that_shows_it(ip):
    with pytest.raises(ValueError, match="not an IP address: ") as caught:
        shorten_ip(ip)
    assert repr(ip) in str(caught.value)
