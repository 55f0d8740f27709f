"""The address that a request came from, behind any number of proxies.

`python-ipware <https://github.com/un33k/python-ipware>`_ reads the addresses: ports,
brackets, IPv6 in all its forms, and addresses that no client can have. This module
decides which of them to believe. Its own ``proxy_list`` wouldn't do: it doesn't look at
the peer, so it believes a client that reaches the server past the proxy, and it takes
one entry per hop, while a CDN has dozens of networks for one.
"""

from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, NamedTuple

from ptrack import conf
from ptrack.core.hits import read_environ, read_forwarded, read_header

MAX_HOPS = 16
"""Entries of ``X-Forwarded-For`` that are read, from the end."""

_KEY = "REMOTE_ADDR"
_SETTING = "PTRACK_TRUSTED_PROXIES"
_Address = IPv4Address | IPv6Address | None


class TrustedProxies(NamedTuple):
    """The proxies whose ``X-Forwarded-For`` is believed.

    Attributes:
        networks: Their networks.
        unix: Peers that have no address are proxies too.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    unix: bool


def client_ip(request: Any) -> str | None:
    """Return the address of the client.

    Without ``PTRACK_TRUSTED_PROXIES`` that is the peer's, and no header is believed:
    anyone can send ``X-Forwarded-For``. If the peer is one of them, the last address in
    that header is the one that this proxy saw; if that is a proxy's as well, the one
    before it, and so on.

    Args:
        request: A request as a callback gets it, or a WSGI environ.

    Returns:
        The address, an IPv4 address in its own form even if it came as an IPv6 one;
        ``None`` if the last entry that can be believed isn't an address (a socket of
        the file system, or ``unknown``).

    Raises:
        PtrackConfigurationError: ``PTRACK_TRUSTED_PROXIES`` is bad. Under Django it is
            ``ImproperlyConfigured``.
        TypeError: It isn't a request.
    """
    environ = read_environ(request)
    proxies = _read_proxies(tuple(conf.get(_SETTING) or ()))
    hop = read_header(environ, _KEY).strip()
    address = _parse_address(hop)
    for earlier in _split_forwarded(read_forwarded(environ)):
        if not _is_trusted(proxies, hop, address):
            break
        hop = earlier
        address = _parse_address(hop)
    # The scope of a link-local address means something on this machine only.
    return None if address is None else str(address).partition("%")[0]


@lru_cache(maxsize=16)
def _read_proxies(proxies: tuple[Any, ...]) -> TrustedProxies:
    networks = [ip_network(str(each)) for each in proxies if each != conf.UNIX_SOCKET]
    return TrustedProxies(tuple(networks), unix=conf.UNIX_SOCKET in proxies)


def _is_trusted(proxies: TrustedProxies, hop: str, address: _Address) -> bool:
    """Return whether this hop is believed about the one before it."""
    if address is None:
        return proxies.unix and not hop
    return any(address in network for network in proxies.networks)


def _split_forwarded(header: str) -> list[str]:
    """Return the entries of the header, the nearest first."""
    entries = header.rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    return [entry for entry in map(str.strip, reversed(entries)) if entry]


def _parse_address(hop: str) -> _Address:
    found: _Address = _make_reader().get_client_ip({_KEY: hop})[0]
    return found


@cache
def _make_reader() -> Any:
    from python_ipware import IpWare  # Only where an address is asked for.

    return IpWare(precedence=(_KEY,))
