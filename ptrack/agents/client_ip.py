"""The address that a request came from, however many proxies are between.

`python-ipware <https://github.com/un33k/python-ipware>`_ reads the addresses: ports,
brackets, IPv6 in all its forms, and what can be no client's. Which of them to believe
is decided here. Its own ``proxy_list`` wouldn't do: it doesn't look at the peer, so it
believes whoever reaches the server past the proxy, and it takes one entry per hop,
while a CDN has dozens of networks for one.
"""

from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ptrack import conf
from ptrack.core.environs import environ_of, text

MAX_HOPS = 16
"""Entries of ``X-Forwarded-For`` that are looked at, from the end."""

_KEY = "REMOTE_ADDR"
_Address = IPv4Address | IPv6Address | None


def client_ip(request: Any) -> str | None:
    """Give the address of the client.

    Without ``PTRACK_TRUSTED_PROXIES`` that is the peer's, and no header is believed:
    anyone can send ``X-Forwarded-For``. If the peer is one of them, the last address in
    that header is what this proxy saw; if that is a proxy's as well, the one before it,
    and so on.

    Args:
        request: What a callback gets, or a WSGI environ.

    Returns:
        The address, an IPv4 one in its own form even where it came as an IPv6 one;
        ``None`` if the last that can be believed is none (a socket of the file system,
        or ``unknown``).

    Raises:
        PtrackConfigurationError: ``PTRACK_TRUSTED_PROXIES`` is bad. Under Django it is
            ``ImproperlyConfigured``.
        TypeError: It is no request.
    """
    environ = environ_of(request)
    proxies = conf.trusted_proxies()
    hop = text(environ, _KEY).strip()
    address = _address(hop)
    for earlier in _forwarded(text(environ, "HTTP_X_FORWARDED_FOR")):
        if not _is_trusted(proxies, hop, address):
            break
        hop = earlier
        address = _address(hop)
    # The scope of a link-local address means something on this machine only.
    return None if address is None else str(address).partition("%")[0]


def _is_trusted(proxies: conf.TrustedProxies, hop: str, address: _Address) -> bool:
    """Tell whether what this hop says of the one before it is believed."""
    if address is None:
        return proxies.unix and not hop
    return any(address in network for network in proxies.networks)


def _forwarded(header: str) -> list[str]:
    """Give the entries of the header, the nearest first."""
    entries = header.rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    return [entry for entry in map(str.strip, reversed(entries)) if entry]


def _address(hop: str) -> _Address:
    found: _Address = _reader().get_client_ip({_KEY: hop})[0]
    return found


@cache
def _reader() -> Any:
    from python_ipware import IpWare

    return IpWare(precedence=(_KEY,))
