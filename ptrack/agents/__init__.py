"""The cause of a hit: a person or a machine.

This needs the extra: ``pip install 'django-ptrack[agents]'``. Without it, importing
this module raises `PtrackDependencyError`, so that a site without the data set fails
when it starts, and doesn't take bots for people. Nothing is loaded before it is used.

docs/agents.md has the table of rules, their sources and their limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Literal

from ptrack.core.hits import Hit, read_environ, read_header
from ptrack.core.hits import hit as find_hit
from ptrack.core.kinds import PIXEL
from ptrack.exceptions import PtrackDependencyError

from .client_ip import client_ip
from .recognition import recognize
from .rules import PURPOSE_HEADERS, PURPOSES, AgentKind

__all__ = [
    "CLICK_WITHIN",
    "OPEN_WITHIN",
    "Agent",
    "Cause",
    "client_ip",
    "identify",
    "too_fast",
]

Cause = Literal["person", "machine", "unknown"]
"""The cause of a hit, as `Agent.cause` has it."""

OPEN_WITHIN = 20.0
"""The seconds after the send in which an open is too fast for a person.

In a study of 836 recipients whose mail had five or more clicks in one second, 61 % of
the opens before that came within 10 s of the send, and 84 % within 20 s
(https://github.com/putyourlightson/craft-campaign/issues/546).
"""

CLICK_WITHIN = 60.0
"""The seconds after the send in which a click is too fast for a person.

In the same study the clicks began a median of 43 s after the send: 3 % of them within
20 s, 69 % within 60 s, and 97 % within 5 minutes, in which people click as well.
"""

MAX_LENGTH = 512
"""Characters of a user agent that are read; the longest in the data set has 285."""

_YEAR_3000 = 32_503_680_000

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


def too_fast(
    hit: Any, sent_at: float | datetime | None, *, within: float | None = None
) -> bool:
    """Return whether a hit came too soon after the send for a person.

    Scanners fetch images and links as they deliver the mail, and most have the user
    agent of a browser. A mail that is delivered late escapes this, and a person whose
    mail client is open can be as quick: choose ``within`` by looking at your own hits.

    Args:
        hit: The request that the callback got. The time is that of the hit, in a
            worker too. For a hit that you have stored, its time, as for ``sent_at``.
        sent_at: The time when the mail was handed over, or is scheduled to be: in
            seconds since the epoch, as `time.time` returns, or a datetime with a zone.
            Carry it in a keyword of the pixel or link. If it is ``None``, as in mails
            from before you carried it, no hit is too fast.
        within: The seconds after the send in which a hit is too fast; `OPEN_WITHIN` for
            a pixel, and `CLICK_WITHIN` for a link, by default. A stored hit needs it. A
            hit before the send is too fast as well: the clocks of two machines differ.

    Raises:
        TypeError: A time is of another type, or has no zone; or ``within`` is needed.
        ValueError: A time isn't of the years 1970 to 2999: it may be in milliseconds.
    """
    if sent_at is None:
        return False
    at, usual = _look_up(hit)
    seconds = usual if within is None else within
    if seconds is None:
        raise TypeError("a stored hit needs within: OPEN_WITHIN or CLICK_WITHIN")
    return _read_time("hit", at) - _read_time("sent_at", sent_at) < seconds


def _look_up(hit: Any) -> tuple[Any, float | None]:
    """Return the time of a hit, and the usual seconds if its kind is known."""
    if isinstance(hit, int | float | datetime):
        return hit, None
    found = hit if isinstance(hit, Hit) else find_hit(hit)
    return found.at, OPEN_WITHIN if found.kind is PIXEL else CLICK_WITHIN


def _read_time(name: str, value: Any) -> float:
    """Return a time in seconds since the epoch."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.timestamp()
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be seconds since the epoch, as time.time() returns, or a "
            f"datetime with a zone, not a {type(value).__name__}"
        )
    if not 0 <= value < _YEAR_3000:
        raise ValueError(f"{name} must be seconds, of the years 1970 to 2999")
    return value


def _states_prefetch(environ: Mapping[str, Any], header: str) -> bool:
    key = "HTTP_" + header.upper().replace("-", "_")
    value = read_header(environ, key)[:MAX_LENGTH].lower()
    return any(purpose in value for purpose in PURPOSES)


@lru_cache(maxsize=CACHED)
def _identify(user_agent: str) -> Agent:
    return Agent(*recognize(user_agent))
