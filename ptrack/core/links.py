"""The target of a link: what is allowed, the user's rules, and the query passed on.

The target is inside the token, so a link isn't an open redirect (CWE-601): ptrack
redirects only to a target that was sealed with the sender's secret.
"""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

from .answers import AS_IT_IS

# Unicode has two separators of lines beside the control characters.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# No host has more than 253 characters; there may be a name and a password before it.
_LONG_HOST = re.compile("[^/?#]*//[^/?#]{500,}")


def has_long_host(url: str) -> bool:
    """Return whether a URL's host, with all else before its path, is impossibly long.

    `urllib.parse` normalises a host that isn't ASCII, in a time that grows with the
    square of its length.
    """
    found = _LONG_HOST.match(url)
    return found is not None and not found[0].isascii()


def check_target(url: object) -> None:
    """Refuse a URL that can't be the target of a link.

    Args:
        url: The URL, which has to be an absolute one of http or https.

    Raises:
        TypeError: It isn't text.
        ValueError: It isn't such a URL; the message gives the reason.
    """
    if not isinstance(url, str):
        raise TypeError(f"a link's target must be str, not {type(url).__qualname__}")
    problem = _find_problem(url)
    # Without the target itself: it may name its reader.
    if problem is not None:
        raise ValueError(
            "a link's target must be an absolute URL of http or https, for example "
            f'"https://www.example.com/": this one {problem}'
        )


def _find_problem(url: str) -> str | None:
    if _CONTROL.search(url) or url != url.strip():
        return "has control characters in it or white space around it"
    if has_long_host(url):
        return "has an impossibly long host"
    try:
        url.encode()
        parts = urlsplit(url)
        # Reading an impossible port raises an error.
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "has an impossible host or port, or characters that UTF-8 can't hold"
    if parts.scheme not in ("http", "https"):
        return "has another scheme"
    # A browser ends the host at a backslash; for other programs it is part of the host.
    if not host or " " in parts.netloc or "\\" in parts.netloc:
        return "has no host, or one with a space or a backslash in it"
    return None


def find_rule_problem(rule: object) -> str | None:
    """Return the reason why a value can't be a rule of placeholders, or ``None``.

    Args:
        rule: A regular expression, as a text or compiled, or a function of a target.

    Returns:
        The reason, to follow a name, without a full stop.
    """
    if isinstance(rule, str | re.Pattern):
        return _find_pattern_problem(rule)
    if callable(rule):
        return None
    return (
        "must be a regular expression or a function that takes a target, not "
        f"{type(rule).__name__}"
    )


def _find_pattern_problem(rule: str | re.Pattern[Any]) -> str | None:
    try:
        pattern = re.compile(rule)
    except RecursionError:
        return "is no regular expression: it nests too deep"
    except (re.error, OverflowError) as error:
        return f"is no regular expression: {error}"
    if not isinstance(pattern.pattern, str):
        return "must be a regular expression for text, not for bytes"
    if pattern.search(""):
        return "matches an empty text too, so it would match every target"
    return None


def add_query(url: str, query: str, names: Collection[str] | bool) -> str:
    """Return a target with parameters of the query that the link was requested with.

    Args:
        url: The target.
        query: The request's ``QUERY_STRING``: bytes as Latin-1, as WSGI has them.
        names: The names of the parameters to pass on; ``True`` for all.
    """
    wanted = (part for part in query.split("&") if part and _is_wanted(part, names))
    passed = "&".join(wanted)
    if not passed:
        return url
    start, mark, fragment = url.partition("#")
    joint = "" if start.endswith(("?", "&")) else "&" if "?" in start else "?"
    encoded = quote(passed, safe=AS_IT_IS, encoding="latin-1", errors="replace")
    return f"{start}{joint}{encoded}{mark}{fragment}"


def _is_wanted(parameter: str, names: Collection[str] | bool) -> bool:
    if isinstance(names, bool):
        return names
    return unquote_plus(parameter.partition("=")[0]) in names
