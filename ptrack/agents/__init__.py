"""The cause of a hit: a person or a machine.

This needs the extra: ``pip install 'django-ptrack[agents]'``. Without it, importing
this module raises `PtrackDependencyError`, so that a site without the data set fails
when it starts, and doesn't take bots for people. Nothing is loaded before it is used.

docs/agents.md has the table of rules, their sources and their limits.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Literal

from ptrack.core.hits import read_environ, read_header
from ptrack.exceptions import PtrackDependencyError

from .client_ip import client_ip
from .crawlers import load_crawlers
from .rules import (
    AFTER_DATA_SET,
    BEFORE_DATA_SET,
    PURPOSE_HEADERS,
    PURPOSES,
    AgentKind,
    Rule,
)

__all__ = ["Agent", "Cause", "client_ip", "identify", "too_fast"]

Cause = Literal["person", "machine", "unknown"]
"""The cause of a hit, as `Agent.cause` has it."""

MAX_LENGTH = 512
"""Characters of a user agent that are read; the longest in the data set has 285."""

CACHED = 1024
"""User agents whose answer is kept: less than 1 MiB in all."""

if find_spec("crawleruseragents") is None or find_spec("python_ipware") is None:
    raise PtrackDependencyError(
        "ptrack.agents needs crawler-user-agents and python-ipware: "
        "pip install 'django-ptrack[agents]'"
    )


@dataclass(frozen=True)
class Agent:
    """The program that sent a request, and whether a person uses it.

    Attributes:
        kind: ``"person"`` (a browser or a mail client, or a machine that sends the user
            agent of one), ``"mail_proxy"`` (a mail provider that fetches for a person),
            ``"scanner"`` (a machine that looks for threats), ``"bot"`` (any other
            machine), ``"prefetch"`` (fetched in case a person wants it), or
            ``"unknown"``.
        name: The name that ptrack or the data set has for it; no part of it comes from
            the request.
        on_open: ``True`` if it fetches, as a rule, because the mail was opened;
            ``False`` if it fetches whether the mail is opened or not; ``None`` if that
            is unknown.
    """

    kind: AgentKind
    name: str
    on_open: bool | None

    @property
    def cause(self) -> Cause:
        """Whether a person or a machine caused the hit; count opens and clicks by it.

        ``"person"`` for the kind ``person``, and for a ``mail_proxy`` that fetches when
        the mail is opened; ``"machine"`` for ``scanner``, ``bot`` and ``prefetch``, and
        for a ``mail_proxy`` that fetches in any case; ``"unknown"`` for the rest.
        """
        if self.kind == "person":
            return "person"
        if self.kind in ("scanner", "bot", "prefetch"):
            return "machine"
        if self.kind == "mail_proxy" and self.on_open is not None:
            return "person" if self.on_open else "machine"
        return "unknown"


NO_USER_AGENT = Agent("unknown", "no user agent", None)
UNKNOWN = Agent("unknown", "unknown", None)


def identify(request: Any) -> Agent:
    """Find out which agent sent a request, by its headers.

    The first of these that fits decides: a header that states a prefetch; a missing
    user agent; ptrack's rules for proxies, scanners and prefetchers; the data set
    ``crawler-user-agents``; ptrack's rules for other bots, mail clients and browsers.

    Anyone can send any user agent, and scanners send those of browsers: see `too_fast`.

    Args:
        request: A request as a callback gets it, or a WSGI environ.

    Raises:
        TypeError: It isn't a request.
    """
    environ = read_environ(request)
    for header in PURPOSE_HEADERS:
        if _states_prefetch(environ, header):
            return Agent("prefetch", header, False)
    user_agent = read_header(environ, "HTTP_USER_AGENT").strip()
    return _identify(user_agent[:MAX_LENGTH]) if user_agent else NO_USER_AGENT


def too_fast(sent_at: float, now: float | None = None, *, within: float = 10.0) -> bool:
    """Return whether a hit came too soon after the send for a person.

    Scanners fetch images and links as they deliver the mail, and most have the user
    agent of a browser. A mail that is delivered late escapes this, and a person whose
    mail client is open can be as quick: choose ``within`` by looking at your own hits.

    Args:
        sent_at: The time when the mail was sent, in seconds since the epoch: the result
            of `time.time` at the send, carried in a keyword of the pixel or link.
        now: The time of the hit, likewise; by default the present.
        within: The seconds after the send in which a hit is too fast. A hit before the
            send is too fast as well: the clocks of two machines differ.
    """
    return (time.time() if now is None else now) - sent_at < within


def _states_prefetch(environ: Mapping[str, Any], header: str) -> bool:
    key = "HTTP_" + header.upper().replace("-", "_")
    value = read_header(environ, key)[:MAX_LENGTH].lower()
    return any(purpose in value for purpose in PURPOSES)


@lru_cache(maxsize=CACHED)
def _identify(user_agent: str) -> Agent:
    return (
        _apply_rules(BEFORE_DATA_SET, user_agent)
        or _search_data_set(user_agent)
        or _apply_rules(AFTER_DATA_SET, user_agent)
        or UNKNOWN
    )


def _apply_rules(rules: tuple[Rule, ...], user_agent: str) -> Agent | None:
    for rule in rules:
        if rule.matches(user_agent):
            return Agent(rule.kind, rule.name, rule.on_open)
    return None


def _search_data_set(user_agent: str) -> Agent | None:
    crawler = load_crawlers().find(user_agent)
    if crawler is None:
        return None
    kind: AgentKind = "scanner" if "scanner" in crawler.tags else "bot"
    return Agent(kind, crawler.name, False)
