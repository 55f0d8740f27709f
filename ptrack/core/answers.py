"""The answers as values.

All answers are built once, at import; only a redirect depends on its target. An adapter
turns an `Answer` into its framework's response and decides nothing about it.
"""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

from . import pages

GIF = bytes.fromhex(
    "474946383961"  # GIF89a
    "01000100800000"  # a screen of 1×1, a palette of two colours
    "ffffff000000"
    "21f90401000000" + "00"  # graphic control: colour 0 is transparent
    "2c000000000100010000"  # an image of 1×1 at 0,0
    "0202440100"  # its one pixel: colour 0
    "3b"
)
"""A transparent 1×1 GIF89a of 43 bytes (https://www.w3.org/Graphics/GIF/spec-gif89a.txt)."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A response, before any framework has seen it.

    Attributes:
        status: The HTTP status code.
        reason: The phrase beside it.
        headers: Names and values, in order.
        body: The bytes to send.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @cached_property
    def status_line(self) -> str:
        """The status as WSGI takes it: code and phrase."""
        return f"{self.status} {self.reason}"

    @cached_property
    def header_map(self) -> Mapping[str, str]:
        """The headers as a mapping; no name is there twice."""
        return dict(self.headers)

    @cached_property
    def header_bytes(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers as ASGI takes them: bytes, the names in lower case."""
        return tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in self.headers
        )


def drop_body(answer: Answer) -> Answer:
    """Return the answer to ``HEAD``: the headers alone (RFC 9110, section 9.3.2)."""
    return replace(answer, body=b"")


# RFC 9111, section 5.2.2: "no-store" alone should do. Proxies that predate it obey
# Pragma and Expires, and some honour only one of the others.
_UNCACHED = (
    ("Cache-Control", "no-cache, no-store, must-revalidate, max-age=0, private"),
    ("Pragma", "no-cache"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
)

# -- pixels ---------------------------------------------------------------------------

PIXEL_IMAGE = Answer(
    200,
    "OK",
    (
        ("Content-Type", "image/gif"),
        ("Content-Length", str(len(GIF))),
        *_UNCACHED,
        # A page under "Cross-Origin-Embedder-Policy: require-corp" loads no image
        # without it (https://html.spec.whatwg.org/multipage/origin.html#coep).
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ),
    GIF,
)
"""The image: the same for a valid token, a forged one and garbage."""

# -- links ----------------------------------------------------------------------------

# All printable ASCII but the space: a target has to arrive as it was given.
AS_IT_IS = string.ascii_letters + string.digits + string.punctuation

_LINK_HEADERS = (
    # A cache that kept the answer would keep the next click from being recorded.
    ("Cache-Control", "no-store"),
    # Without it the target, and any statistics there, would learn the token.
    ("Referrer-Policy", "no-referrer"),
    # https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
    ("X-Robots-Tag", "noindex"),
)

REDIRECT = Answer(
    302,
    "Found",
    (
        # PEP 3333's validator insists on a type.
        ("Content-Type", "text/plain"),
        ("Content-Length", "0"),
        *_LINK_HEADERS,
    ),
    b"",
)
"""A redirect that has no target yet (RFC 9110, section 15.4.3)."""

_GONE = pages.make_page(pages.LINK_NOT_FOUND)
LINK_NOT_FOUND = Answer(
    404,
    "Not Found",
    (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(_GONE))),
        # Django would name the language of the reader.
        ("Content-Language", pages.LINK_NOT_FOUND.language),
        ("Content-Security-Policy", pages.POLICY),
        *_LINK_HEADERS,
        ("X-Content-Type-Options", "nosniff"),
    ),
    _GONE,
)
"""The page for a link that can't be read: the same for a forged link and garbage."""


def redirect_to(target: str, answer: Answer = REDIRECT) -> Answer:
    """Return a redirect that leads to a target.

    Characters beyond ASCII are percent-encoded, in a host too (RFC 3986, section
    3.2.2): a browser decodes them before it looks the host up
    (https://url.spec.whatwg.org/#host-parsing).

    Args:
        target: An absolute URL.
        answer: The redirect without its target.
    """
    location = ("Location", quote(target, safe=AS_IT_IS))
    headers = (*answer.headers, location)
    return Answer(answer.status, answer.reason, headers, answer.body)


# -- all kinds ------------------------------------------------------------------------


def make_not_allowed(methods: Iterable[str]) -> Answer:
    """Return the answer to all other methods (RFC 9110, section 15.5.6).

    Args:
        methods: The methods that are answered.
    """
    return Answer(
        405,
        "Method Not Allowed",
        (
            # PEP 3333's validator and Django insist on a type.
            ("Content-Type", "text/plain"),
            ("Content-Length", "19"),
            ("Allow", ", ".join(methods)),
            *_UNCACHED,
        ),
        b"Method Not Allowed\n",
    )


NOT_FOUND = Answer(
    404,
    "Not Found",
    (("Content-Type", "text/plain"), ("Content-Length", "10")),
    b"Not Found\n",
)
"""A mirror's answer to a path that isn't ptrack's."""
