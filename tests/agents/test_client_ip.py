"""ptrack.agents.client_ip: whom to believe about where a request came from."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from ptrack.agents.client_ip import MAX_HOPS, client_ip
from ptrack.wsgi import PixelRequest


def asked(peer: str | None, forwarded: str | None = None) -> str | None:
    environ: dict[str, Any] = {}
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_ip(environ)


@pytest.mark.parametrize(
    "forwarded", ["192.0.2.1", "10.0.0.1", "unknown", "", "," * 99]
)
def test_header_is_not_believed_unasked(forwarded):
    assert asked("203.0.113.7", forwarded) == "203.0.113.7"


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
        # One proxy, and what a stranger sent before it.
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.9, 203.0.113.7", "203.0.113.7"),
        # Several, of several networks.
        ("10.0.0.1", "203.0.113.7, 2001:db8:c::1, 10.9.9.9", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.66,203.0.113.7,198.51.100.4", "203.0.113.7"),
        # Past the proxy: a stranger who names one.
        ("203.0.113.7", "192.0.2.66, 10.0.0.1", "203.0.113.7"),
        ("198.51.100.5", "192.0.2.66", "198.51.100.5"),
        # The proxy itself, and those behind it.
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        # What the proxy doesn't know, nobody does.
        ("10.0.0.1", "192.0.2.66, unknown", None),
        ("10.0.0.1", "192.0.2.66, 999.1.1.1", None),
        ("10.0.0.1", "0.0.0.0", None),
        # As proxies write addresses.
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
    assert asked(peer, forwarded) == expected


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
def test_peer_is_given_in_one_form_or_not_at_all(peer, expected):
    assert asked(peer) == expected


def test_sockets_of_the_file_system_are_trusted_when_asked_for(settings):
    assert asked("", "203.0.113.7") is None
    settings.PTRACK_TRUSTED_PROXIES = ["unix:", "10.0.0.1"]
    assert asked("", "203.0.113.7") == "203.0.113.7"
    assert asked("", "203.0.113.7, 10.0.0.1") == "203.0.113.7"
    assert asked(None, "203.0.113.7") == "203.0.113.7"
    assert asked("", "192.0.2.66, unknown") is None
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    assert asked("", "203.0.113.7") is None


def test_endless_header_is_read_from_its_end_only(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    assert asked("10.0.0.1", "192.0.2.1, " * 10_000 + "203.0.113.7") == "203.0.113.7"
    assert asked("10.0.0.1", "10.0.0.1, " * 10_000 + "10.0.0.1") == "10.0.0.1"
    ours = ["10.0.0.1"] * MAX_HOPS
    assert asked("10.0.0.1", ", ".join(["192.0.2.66", *ours[1:]])) == "192.0.2.66"
    assert asked("10.0.0.1", ", ".join(["192.0.2.66", *ours])) == "10.0.0.1"


@pytest.mark.usefixtures("outside_django")
def test_environment_names_the_proxies_outside_django(monkeypatch):
    monkeypatch.setenv("PTRACK_TRUSTED_PROXIES", "10.0.0.1, 192.0.2.0/24,")
    assert asked("10.0.0.1", "203.0.113.7, 192.0.2.9") == "203.0.113.7"
    monkeypatch.delenv("PTRACK_TRUSTED_PROXIES")
    assert asked("10.0.0.1", "203.0.113.7") == "10.0.0.1"


def test_bad_setting_is_an_error_even_where_no_header_is_sent(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["the proxy"]
    with pytest.raises(ImproperlyConfigured, match="PTRACK_TRUSTED_PROXIES can't"):
        asked("203.0.113.7")


def test_requests_of_all_kinds_are_taken(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.1"]
    headers = {"X-Forwarded-For": "203.0.113.7"}
    django = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
    webob = PixelRequest.blank(
        "/", headers=headers, environ={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert client_ip(django) == client_ip(webob) == "203.0.113.7"
    with pytest.raises(TypeError, match="a request"):
        client_ip("203.0.113.7")
