"""What is wrong with the value of a setting, in words that say what to do.

One judgement for all: what stops a start-up with an error is what a check reports.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from urllib.parse import urlsplit

from .background.handover import Engine
from .core.links import check_target
from .core.tokens import key_of
from .exceptions import PtrackConfigurationError

_HOW_TO_SET_IT = (
    "set it to a random text of 32 characters, such as `python -m ptrack secret` "
    "prints, and to the same one wherever pixels are made or recorded"
)


def secret_problem(secret: object) -> str | None:
    """Say what is wrong with a secret, without showing it; ``None`` if nothing is."""
    if secret is None:
        return f"PTRACK_SECRET is not set: {_HOW_TO_SET_IT}"
    try:
        key_of(secret)
    except PtrackConfigurationError as error:
        return f"PTRACK_SECRET can't be used: {error}; {_HOW_TO_SET_IT}"
    return None


def fallbacks_problem(fallbacks: object) -> str | None:
    """Say what is wrong with the fallbacks; ``None`` if nothing is."""
    if fallbacks is None:
        return None
    # Of a dict only the keys would be read, and somebody meant the values.
    if isinstance(fallbacks, str | bytes | Mapping) or not isinstance(
        fallbacks, Collection
    ):
        return (
            "PTRACK_SECRET_FALLBACKS must be a list of earlier secrets, not "
            f"{type(fallbacks).__name__}"
        )
    for number, secret in enumerate(fallbacks):
        try:
            key_of(secret)
        except PtrackConfigurationError as error:
            return f"PTRACK_SECRET_FALLBACKS[{number}] can't be used: {error}"
    return None


def app_url_problem(app_url: object) -> str | None:
    """Say what is wrong with an app URL; ``None`` if nothing is, or there is none."""
    if app_url is None or app_url == "":
        return None
    try:
        parts = urlsplit(str(app_url))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if usable and not parts.query and not parts.fragment:
        return None
    return (
        f"PTRACK_APP_URL must be a scheme and a host, not {app_url!r}: for example "
        '"https://www.example.com"'
    )


def link_fallback_problem(url: object) -> str | None:
    """Say what is wrong with a fallback for links; ``None`` if nothing is."""
    if url is None or url == "":
        return None
    try:
        check_target(url)
    except (TypeError, ValueError):
        return (
            f"PTRACK_LINK_FALLBACK_URL must be an absolute URL, not {url!r}: for "
            'example "https://www.example.com/"'
        )
    return None


def link_query_problem(names: object) -> str | None:
    """Say what is wrong with the parameters that links pass on; ``None`` if nothing."""
    if names is None or isinstance(names, bool):
        return None
    if (
        isinstance(names, Collection)
        and not isinstance(names, str | bytes)
        and all(isinstance(name, str) for name in names)
    ):
        return None
    return (
        "PTRACK_LINK_QUERY must be a list of names of parameters, or True for all, not "
        f"{names!r}"
    )


def honour_gpc_problem(honour: object) -> str | None:
    """Say what is wrong with the switch for objections; ``None`` if nothing is."""
    if honour is None or isinstance(honour, bool):
        return None
    return f"PTRACK_HONOUR_GPC must be True or False, not {honour!r}"


def background_problem(spec: object, queue: object) -> str | None:
    """Say what is wrong with the engine or its queue; ``None`` if nothing is."""
    if spec is not None and not isinstance(spec, str | Engine):
        return (
            'PTRACK_BACKGROUND must be "celery", "tasks", the dotted path of a class '
            f"or an object with a method enqueue(job), not {type(spec).__name__}"
        )
    if queue is not None and not isinstance(queue, str):
        return (
            "PTRACK_BACKGROUND_QUEUE must be the name of a queue, not "
            f"{type(queue).__name__}"
        )
    return None


def prefix_problem(prefix: object) -> str | None:
    """Say what is wrong with a prefix; ``None`` if nothing is, or there is none."""
    if prefix is None or isinstance(prefix, str):
        return None
    return (
        f"PTRACK_PREFIX must be str, not {type(prefix).__name__}: for example "
        '"/ptrack/"'
    )


def opens_key_problem(key: object) -> str | None:
    """Say what is wrong with the keyword of unique opens; ``None`` if nothing is."""
    if key is None or (isinstance(key, str) and key):
        return None
    return (
        f"PTRACK_OPENS_KEY must be the name of a keyword, not {key!r}: for example "
        '"recipient"'
    )


def opens_ip_problem(ip: object) -> str | None:
    """Say what is wrong with what is kept of addresses; ``None`` if nothing is."""
    if ip is None or isinstance(ip, bool) or ip in ("short", "full"):
        return None
    return (
        'PTRACK_OPENS_IP must be "short", "full", or None for no address at all, not '
        f"{ip!r}"
    )


UNIX_SOCKET = "unix:"
"""Stands for all peers without an address among the trusted proxies, as in nginx."""


def trusted_proxies_problem(proxies: object) -> str | None:
    """Say what is wrong with the trusted proxies; ``None`` if nothing is."""
    if proxies is None:
        return None
    if isinstance(proxies, str | bytes) or not isinstance(proxies, Collection):
        return (
            "PTRACK_TRUSTED_PROXIES must be a list of addresses and networks, not "
            f"{type(proxies).__name__}"
        )
    for proxy in proxies:
        try:
            if proxy != UNIX_SOCKET:
                ip_network(str(proxy))
        except ValueError as error:
            return (
                f"PTRACK_TRUSTED_PROXIES can't be used: {error}; its entries are "
                'addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix:" for '
                "sockets of the file system"
            )
    return None
