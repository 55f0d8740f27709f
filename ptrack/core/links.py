"""Tracked links: a target sealed into a URL, and a click on it to its redirect.

The target is inside the token, so this is no open redirect (CWE-601): only what was
sealed with the sender's secret is followed.

A link's token is no pixel's, and the other way round. It is sealed with keys of its
own, which are derived from the secrets; what another encoder is given is such a token,
whole, as the only argument. No keyword that anybody thinks of can make one.
"""

import re
import string
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlsplit

from ptrack.exceptions import PtrackConfigurationError

from .answers import METHOD_NOT_ALLOWED, Answer
from .counters import Reason
from .tokens import MAX_TOKEN_LENGTH, Encoder, TokenBox

SEGMENT = "link/"
"""What is between the prefix and a link's token."""

_PURPOSE = b"ptrack link"

# All that is printable in ASCII but the space: a target is to arrive as it was given.
_AS_IT_IS = string.ascii_letters + string.digits + string.punctuation

# Unicode counts its two separators of lines for themselves.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_UNCACHED = (
    # A cache that kept the answer would keep the next click from being recorded.
    ("Cache-Control", "no-store"),
    # Else the target would learn the token, and whoever counts its visitors.
    ("Referrer-Policy", "no-referrer"),
    # https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
    ("X-Robots-Tag", "noindex"),
)
_GONE = (
    b"This link can't be followed: it was changed on its way, or is no longer known.\n"
    b"Please go back to the mail that it is from, and try it there once more.\n"
)
LINK_NOT_FOUND = Answer(
    404,
    "Not Found",
    (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(_GONE))),
        *_UNCACHED,
        ("X-Content-Type-Options", "nosniff"),
    ),
    _GONE,
)
"""What a person sees who followed what is no link of ours."""


class Click(NamedTuple):
    """What a link's token carries.

    Attributes:
        url: The target.
        args: Positional arguments for the callbacks.
        kwargs: Keyword arguments for the callbacks.
    """

    url: str
    args: list[Any]
    kwargs: dict[str, Any]


class Followed(NamedTuple):
    """What a request for a link comes to.

    Attributes:
        answer: The redirect, or why there is none.
        click: What is to be recorded, or ``None``.
        reason: Why nothing is.
    """

    answer: Answer
    click: Click | None
    reason: Reason


class Links:
    """Seals targets into tokens, and answers requests for them.

    Args:
        box: Its keys are what those of links are derived from. ``None`` where there are
            none: then no link can be made or followed.
        encoder: Asked, at each use, for an encoder around that, or for ``box``.
        fallback_url: Where one is sent who followed what is no link; by default there
            is a page that says so.
        query: The names of parameters that are passed on to the target from the query
            that the link was requested with; ``True`` for all of them.
    """

    def __init__(
        self,
        box: TokenBox | None,
        *,
        encoder: Callable[[], Encoder | TokenBox],
        fallback_url: str | None = None,
        query: Collection[str] | bool = (),
    ) -> None:
        self._plain = box
        self._box = None if box is None else box.derived(_PURPOSE)
        self._encoder = encoder
        self._not_found = (
            LINK_NOT_FOUND if fallback_url is None else _redirect(fallback_url)
        )
        self._query = query

    def token(self, url: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
        """Seal a target, and what the callbacks are to get with it.

        Raises:
            PtrackConfigurationError: There is no secret.
            TypeError, ValueError: The target is none, or see `TokenBox.encrypt`.
        """
        check_target(url)
        if self._box is None:
            raise PtrackConfigurationError(
                "PTRACK_SECRET is not set: tracked links need one, with an encoder of "
                "your own too"
            )
        # Last, so that errors number the other arguments as the caller does.
        sealed = self._box.encrypt(*args, url, **kwargs)
        encoder = self._encoder()
        return sealed if encoder is self._plain else encoder.encrypt(sealed)

    def follow(self, method: str, token: str, request: Callable[[], Any]) -> Followed:
        """Answer a request for a link.

        Args:
            method: The request's.
            token: What follows `SEGMENT`.
            request: Gives the request, if its query is needed.
        """
        method = method.upper()
        if method not in ("GET", "HEAD"):
            return Followed(METHOD_NOT_ALLOWED, None, "method")
        click = self.opened(token)
        if click is None:
            return Followed(_without_body(self._not_found, method), None, "token")
        answer = _redirect(self._target(click.url, request))
        return Followed(answer, click if method == "GET" else None, "head")

    def owns(self, args: Any, kwargs: Any) -> bool:
        """Tell whether what another encoder gave back is a link's, so no pixel's."""
        if kwargs or self._box is None:
            return False
        match list(args):
            case [str() as sealed]:
                return self._unsealed(sealed) is not None
        return False

    def opened(self, token: str) -> Click | None:
        """Give what a link's token carries, or ``None`` if it is none."""
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        encoder = self._encoder()
        if encoder is self._plain:
            return self._unsealed(token)
        try:
            (sealed,), kwargs = encoder.decrypt(token)
        except Exception:
            return None
        return None if kwargs else self._unsealed(sealed)

    def _unsealed(self, sealed: Any) -> Click | None:
        if self._box is None:
            return None
        try:
            args, kwargs = self._box.decrypt(sealed)
            url = args.pop()
            check_target(url)
        except Exception:
            return None
        return Click(url, args, kwargs)

    def _target(self, url: str, request: Callable[[], Any]) -> str:
        if not self._query:
            return url
        query = request().META.get("QUERY_STRING", "")
        wanted = (part for part in query.split("&") if part and self._wants(part))
        return _with_query(url, "&".join(wanted))

    def _wants(self, parameter: str) -> bool:
        if isinstance(self._query, bool):
            return self._query
        return unquote_plus(parameter.partition("=")[0]) in self._query


def check_target(url: object) -> None:
    """Refuse what can't be the target of a link.

    Args:
        url: To be an absolute URL of http or https.

    Raises:
        TypeError: It isn't text.
        ValueError: It is something else; the message says what.
    """
    if not isinstance(url, str):
        raise TypeError(f"a link's target must be str, not {type(url).__qualname__}")
    problem = _problem(url)
    # Without the target itself: it may say who is to follow it.
    if problem is not None:
        raise ValueError(
            "a link's target must be an absolute URL of http or https, for example "
            f'"https://www.example.com/": this one {problem}'
        )


def _problem(url: str) -> str | None:
    if _CONTROL.search(url) or url != url.strip():
        return "has control characters in it or white space around it"
    try:
        url.encode()
        parts = urlsplit(url)
        # What the port is doesn't matter; that it is none raises an error.
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "has a host or a port that can't be one, or is no text that UTF-8 holds"
    if parts.scheme not in ("http", "https"):
        return "starts with neither of these"
    # To a browser a backslash ends the host, to others it is part of it.
    if not host or " " in parts.netloc or "\\" in parts.netloc:
        return "has no host, or one with a space or a backslash in it"
    return None


def _redirect(url: str) -> Answer:
    """Give the answer that leads there (RFC 9110, section 15.4.3).

    What isn't ASCII is percent-encoded, in a host too (RFC 3986, section 3.2.2): a
    browser decodes that before it asks for the address
    (https://url.spec.whatwg.org/#host-parsing).
    """
    return Answer(
        302,
        "Found",
        (
            ("Location", quote(url, safe=_AS_IT_IS)),
            # The type has to be there: PEP 3333's validator insists on one.
            ("Content-Type", "text/plain"),
            ("Content-Length", "0"),
            *_UNCACHED,
        ),
        b"",
    )


def _with_query(url: str, query: str) -> str:
    if not query:
        return url
    start, mark, fragment = url.partition("#")
    joint = "" if start.endswith(("?", "&")) else "&" if "?" in start else "?"
    # As WSGI has it: bytes as Latin-1.
    encoded = quote(query, safe=_AS_IT_IS, encoding="latin-1", errors="replace")
    return f"{start}{joint}{encoded}{mark}{fragment}"


def _without_body(answer: Answer, method: str) -> Answer:
    if method != "HEAD":
        return answer
    return Answer(answer.status, answer.reason, answer.headers, b"")
