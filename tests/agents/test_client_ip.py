"""ptrack.agents.client_ip: believing the right proxies about a client's address."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from ptrack.agents.client_ip import MAX_HOPS, client_ip
from ptrack.requests import PixelRequest


def find(peer: str | None, forwarded: str | None = None) -> str | None:
    environ: dict[str, Any] = {}
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_ip(environ)


@pytest.mark.parametrize(
    "forwarded", ["192.0.2.1", "10.0.0.1", "unknown", "", "," * 99]
)
def test_header_is_not_believed_by_default(forwarded):
    assert find("203.0.113.7", forwarded) == "203.0.113.7"


@pytest.mark.parametrize(
    "header",
    [
        "HTTP_X_REAL_IP",
        "HTTP_FORWARDED",
        "HTTP_CLIENT_IP",
        "HTTP_CF_CONNECTING_IP",
        "X_FORWARDED_FOR",
        "HTTP_REMOTE_ADDR",
    ],
)
def test_other_headers_are_never_believed(header, settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.0/8"]
    for peer in ("10.0.0.1", "203.0.113.7"):
        assert client_ip({"REMOTE_ADDR": peer, header: "192.0.2.1"}) == peer


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # One proxy, and a stranger's entries before it.
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.9, 203.0.113.7", "203.0.113.7"),
        # Several, of several networks.
        ("10.0.0.1", "203.0.113.7, 2001:db8:c::1, 10.9.9.9", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.66,203.0.113.7,198.51.100.4", "203.0.113.7"),
        # Past the proxy: a stranger's header names a proxy.
        ("203.0.113.7", "192.0.2.66, 10.0.0.1", "203.0.113.7"),
        ("198.51.100.5", "192.0.2.66", "198.51.100.5"),
        # The proxy itself, and those behind it.
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        # The proxy itself doesn't know the address.
        ("10.0.0.1", "192.0.2.66, unknown", None),
        ("10.0.0.1", "192.0.2.66, 999.1.1.1", None),
        ("10.0.0.1", "0.0.0.0", None),
        # The ways in which proxies write addresses.
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", '"2001:DB8:0::7"', "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_header_is_believed_as_far_as_trusted_proxies_wrote_it(
    peer, forwarded, expected, settings
):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.0/8", "2001:db8:c::/48", "198.51.100.4"]
    assert find(peer, forwarded) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        (None, None),
        ("unix:", None),
        ("/run/app.sock", None),
    ],
)
def test_peer_has_one_form_or_is_none(peer, expected):
    assert find(peer) == expected


def test_sockets_of_the_file_system_are_trusted_if_they_are_listed(settings):
    assert find("", "203.0.113.7") is None
    settings.PTRACK_TRUSTED_PROXIES = ["unix:", "10.0.0.1"]
    assert find("", "203.0.113.7") == "203.0.113.7"
    assert find("", "203.0.113.7, 10.0.0.1") == "203.0.113.7"
    assert find(None, "203.0.113.7") == "203.0.113.7"
    assert find("", "192.0.2.66, unknown") is None
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    assert find("", "203.0.113.7") is None


def test_endless_header_is_read_from_its_end_only(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    assert find("10.0.0.1", "192.0.2.1, " * 10_000 + "203.0.113.7") == "203.0.113.7"
    assert find("10.0.0.1", "10.0.0.1, " * 10_000 + "10.0.0.1") == "10.0.0.1"
    ours = ["10.0.0.1"] * MAX_HOPS
    assert find("10.0.0.1", ", ".join(["192.0.2.66", *ours[1:]])) == "192.0.2.66"
    assert find("10.0.0.1", ", ".join(["192.0.2.66", *ours])) == "10.0.0.1"


@pytest.mark.usefixtures("outside_django")
def test_proxies_are_in_the_environment_outside_django(monkeypatch):
    monkeypatch.setenv("PTRACK_TRUSTED_PROXIES", "10.0.0.1, 192.0.2.0/24,")
    assert find("10.0.0.1", "203.0.113.7, 192.0.2.9") == "203.0.113.7"
    monkeypatch.delenv("PTRACK_TRUSTED_PROXIES")
    assert find("10.0.0.1", "203.0.113.7") == "10.0.0.1"


def test_bad_setting_is_an_error_without_a_header_too(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["the proxy"]
    with pytest.raises(ImproperlyConfigured, match="PTRACK_TRUSTED_PROXIES can't"):
        find("203.0.113.7")


def test_every_kind_of_request_has_an_address(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    headers = {"X-Forwarded-For": "203.0.113.7"}
    django = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
    webob = PixelRequest.blank(
        "/", headers=headers, environ={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert client_ip(django) == client_ip(webob) == "203.0.113.7"
    with pytest.raises(TypeError, match="a request"):
        client_ip("203.0.113.7")


@pytest.mark.parametrize("junk", ["x" * 5000, "6.6.6.6," * 1000 + "x" * 1000])
def test_entry_that_is_too_long_ends_the_search_at_the_proxy(settings, junk: str):
    """A job in the background has no more of the header, and the same answer."""
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.0/8"]
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": junk}
    assert client_ip(environ) == "10.0.0.1"
    environ["HTTP_X_FORWARDED_FOR"] += ", 1.2.3.4, 10.0.0.2"
    assert client_ip(environ) == "1.2.3.4"
