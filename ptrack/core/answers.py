"""The answers as values, and the text of the ``<img>``.

Everything here is built once, at import. An adapter turns an `Answer` into its
framework's response; none decides what is in it.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

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
        """The status as WSGI wants it: code and phrase."""
        return f"{self.status} {self.reason}"

    @cached_property
    def header_map(self) -> Mapping[str, str]:
        """The headers as a mapping; no name is there twice."""
        return dict(self.headers)

    @cached_property
    def header_bytes(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers as ASGI wants them: bytes, the names in lower case."""
        return tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in self.headers
        )


# RFC 9111, section 5.2.2: "no-store" alone should do. Proxies that predate it go by
# Pragma and Expires, and some honour only one of the others.
_UNCACHED = (
    ("Cache-Control", "no-cache, no-store, must-revalidate, max-age=0, private"),
    ("Pragma", "no-cache"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
)

PIXEL = Answer(
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

PIXEL_HEAD = replace(PIXEL, body=b"")
"""The image's headers alone (RFC 9110, section 9.3.2)."""

METHOD_NOT_ALLOWED = Answer(
    405,
    "Method Not Allowed",
    (
        # The type has to be there: PEP 3333's validator and Django insist on one.
        ("Content-Type", "text/plain"),
        ("Content-Length", "19"),
        ("Allow", "GET, HEAD"),
        *_UNCACHED,
    ),
    b"Method Not Allowed\n",
)
"""For every method but GET and HEAD (RFC 9110, section 15.5.6)."""

NOT_FOUND = Answer(
    404,
    "Not Found",
    (("Content-Type", "text/plain"), ("Content-Length", "10")),
    b"Not Found\n",
)
"""What a mirror says to all that isn't a pixel."""


def img_tag(url: str) -> str:
    """Give the element that loads the pixel.

    Args:
        url: The pixel's URL.

    Returns:
        ``<img src="URL" width=1 height=1>``, the URL escaped for HTML.
    """
    return f'<img src="{html.escape(url)}" width=1 height=1>'
