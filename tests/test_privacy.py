"""ptrack.privacy: what is cleared of an address, and what is no address."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from ptrack.privacy import shorten_ip


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
    """Cut as an IPv6 address it would be the same for everyone."""
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
def test_what_is_no_address_is_an_error_that_shows_it(ip):
    with pytest.raises(ValueError, match="not an IP address: ") as caught:
        shorten_ip(ip)
    assert repr(ip) in str(caught.value)
