"""Privacy of the people whose mails are tracked: objections, and short addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from .core.hits import objects

__all__ = ["objects", "shorten_ip"]

KEPT_BITS = {4: 24, 6: 48}


def shorten_ip(ip: str | IPv4Address | IPv6Address) -> str:
    """Return an IP address shortened to its network.

    The last 8 bits of an IPv4 address are cleared (a /24 is left), and the last 80 of
    an IPv6 address (a /48 is left), as Universal Analytics did on request:
    https://support.google.com/analytics/answer/2905384

    That is pseudonymous, not anonymous: the rest narrows a person down, more so beside
    a user agent and a time, and a /48 may belong to a single customer (RFC 6177). So
    it stays personal data. Don't store it at all if you don't need it.

    Args:
        ip: An address, as text or as an object. White space around it and the scope of
            an IPv6 address (``fe80::1%eth0``) are dropped. An IPv6 address that only
            stands for an IPv4 address (``::ffff:192.0.2.1``, RFC 4291) counts as that
            IPv4 address.

    Returns:
        The first address of that network, without its length: ``192.0.2.0`` or
        ``2001:db8:1::``. A shortened address stays as it is.

    Raises:
        ValueError: It isn't an IP address.
    """
    address = _parse(ip)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    network = ip_network((int(address), KEPT_BITS[address.version]), strict=False)
    return str(network.network_address)


def _parse(ip: str | IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    try:
        return ip_address(str(ip).strip().partition("%")[0])
    except ValueError:
        raise ValueError(f"not an IP address: {ip!r}") from None
