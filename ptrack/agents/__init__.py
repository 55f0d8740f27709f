"""Who it was that loaded a pixel or followed a link, as far as that can be told.

It needs the extra: ``pip install 'django-ptrack[agents]'``. Without it, importing this
module raises `PtrackDependencyError`: a site that lacks the data set says so when it
starts, rather than take bots for people later on. Nothing is loaded before it is used.

docs/agents.md has the table of rules, their sources and their limits.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ptrack.core.environs import environ_of, text
from ptrack.exceptions import PtrackDependencyError

from .client_ip import client_ip
from .crawlers import crawlers
from .rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    PURPOSE_HEADERS,
    PURPOSES,
    Kind,
    Rule,
)

__all__ = ["Agent", "client_ip", "identify", "too_fast"]

MAX_LENGTH = 512
"""Characters of a user agent that are looked at; the data set's longest has 285."""

CACHED = 1024
"""User agents whose answer is kept: less than 1 MiB, whoever fills it."""

if find_spec("crawleruseragents") is None or find_spec("python_ipware") is None:
    raise PtrackDependencyError(
        "ptrack.agents needs crawler-user-agents and python-ipware: "
        "pip install 'django-ptrack[agents]'"
    )


@dataclass(frozen=True)
class Agent:
    """Who a request came from.

    Attributes:
        kind: ``"person"`` (a browser or mail client, or what says that it is one),
            ``"mail_proxy"`` (fetched by a mail provider for a person), ``"scanner"``
            (looks for threats), ``"bot"`` (any other machine), ``"prefetch"`` (fetched
            in case a person wants it), or ``"unknown"``.
        name: Of the agent, in the words of ptrack or of the data set; nothing that a
            stranger sent is in it.
        on_open: ``True`` if it is fetched, as a rule, because the mail was opened;
            ``False`` if it is fetched whether it is opened or not; ``None`` if that
            can't be known.
    """

    kind: Kind
    name: str
    on_open: bool | None


NO_USER_AGENT = Agent("unknown", "no user agent", None)
UNKNOWN = Agent("unknown", "unknown", None)


def identify(request: Any) -> Agent:
    """Tell who a request came from, by its headers.

    The first of these that knows it decides: a header that states a prefetch; there
    being no user agent; ptrack's rules for proxies, scanners and prefetchers; the data
    set ``crawler-user-agents``; ptrack's rules for other bots, mail clients and
    browsers.

    Anyone can send any user agent, and scanners send those of browsers: see `too_fast`.

    Args:
        request: What a callback gets, or a WSGI environ.

    Raises:
        TypeError: It is no request.
    """
    environ = environ_of(request)
    for header in PURPOSE_HEADERS:
        if _states_prefetch(environ, header):
            return Agent("prefetch", header, False)
    user_agent = text(environ, "HTTP_USER_AGENT").strip()
    return _identify(user_agent[:MAX_LENGTH]) if user_agent else NO_USER_AGENT


def too_fast(sent_at: float, now: float | None = None, *, within: float = 10.0) -> bool:
    """Tell whether a hit came so soon after the send that it was a machine's.

    Scanners fetch images and links as they deliver the mail, and the user agent of most
    is a browser's. A mail that is delivered late escapes this, and a person who has the
    mail client open can be as quick: raise or lower ``within`` by what your own hits
    look like.

    Args:
        sent_at: When the mail was sent, in seconds since the epoch: `time.time` at the
            sending, carried in a keyword of the pixel or link.
        now: When the hit came, likewise; by default, the present.
        within: Seconds from the send.

    Returns:
        Whether less than that passed. A hit before the send is too fast as well: clocks
        of two machines differ.
    """
    return (time.time() if now is None else now) - sent_at < within


def _states_prefetch(environ: Mapping[str, Any], header: str) -> bool:
    key = "HTTP_" + header.upper().replace("-", "_")
    value = text(environ, key)[:MAX_LENGTH].lower()
    return any(purpose in value for purpose in PURPOSES)


@lru_cache(maxsize=CACHED)
def _identify(user_agent: str) -> Agent:
    return (
        _by_rules(BEFORE_DATA_SET, user_agent)
        or _by_data_set(user_agent)
        or _by_rules(AFTER_DATA_SET, user_agent)
        or UNKNOWN
    )


def _by_rules(rules: tuple[Rule, ...], user_agent: str) -> Agent | None:
    for rule in rules:
        if rule.matches(user_agent):
            return Agent(rule.kind, rule.name, rule.on_open)
    return None


def _by_data_set(user_agent: str) -> Agent | None:
    crawler = crawlers().find(user_agent)
    if crawler is None:
        return None
    kind: Kind = "scanner" if "scanner" in crawler.tags else "bot"
    return Agent(kind, crawler.name, False)
