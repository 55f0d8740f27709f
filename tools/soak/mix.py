"""The requests: one after the other, of every kind, made with a seed."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ptrack.core.tokens import MAX_TOKEN_LENGTH

from .places import PREFIX

_TOKENS = string.ascii_letters + string.digits + "-_"

ALSO = {"also": True}
VARIANTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.01, {"fail": True}),
    (0.01, {"wait": 0.01}),
    (0.08, ALSO),
)
"""Effects of a hit beside its record, by its share of the valid ones."""

SHARES = {
    "valid": 40,
    "forged": 14,
    "garbage": 14,
    "head": 8,
    "post": 8,
    "page": 4,
    "overlong": 3,
    "raw": 3.4,
    "huge": 0.1,
    "half": 3,
    "abandoned": 2.5,
}
"""How many of a hundred requests are of each kind."""


@dataclass(frozen=True)
class Request:
    """A request, as it goes through the socket.

    Attributes:
        kind: One of `SHARES`.
        data: The bytes to send; only a part if it is broken off.
        expected: The status of its answer. ``None`` allows any below 500, and hanging
            up.
        hit: The id that its token carries, if it may be recorded.
        options: The other keywords of its token.
        abrupt: Whether the client hangs up with a reset, if it hangs up.
    """

    kind: str
    data: bytes
    expected: int | None = 200
    hit: int | None = None
    options: tuple[str, ...] = ()
    abrupt: bool = False

    @property
    def is_left(self) -> bool:
        """Whether the client hangs up without waiting for an answer."""
        return self.kind in ("half", "abandoned")


class Mix:
    """Makes requests.

    Args:
        seal: Makes a token of keywords.
        keep_alive: Ask the server to keep the connection.
        seed: The same seed makes the same requests.
        always: Keywords of every valid token.
    """

    def __init__(
        self,
        seal: Callable[..., str],
        *,
        keep_alive: bool,
        seed: int,
        always: dict[str, Any] | None = None,
    ) -> None:
        self._seal = seal
        self._connection = b"" if keep_alive else b"Connection: close\r\n"
        self._random = random.Random(seed)
        self._always = always or {}
        self._count = 0
        self._kinds = {kind: getattr(self, f"_make_{kind}") for kind in SHARES}
        self._upcoming: list[str] = []

    def next(self) -> Request:
        """Return the next request."""
        if not self._upcoming:
            self._upcoming = self._random.choices(
                list(SHARES), list(SHARES.values()), k=1000
            )
        request: Request = self._kinds[self._upcoming.pop()]()
        return request

    def make_valid(self, **options: Any) -> Request:
        """Return a hit with an id of its own, and these keywords beside it."""
        options = {**self._always, **options}
        number, token = self._make_token(**options)
        return Request(
            "valid", self._make_get(token), hit=number, options=tuple(options)
        )

    # -- the kinds --------------------------------------------------------------------

    def _make_valid(self) -> Request:
        dice = self._random.random()
        for share, options in VARIANTS:
            if dice < share:
                return self.make_valid(**options)
            dice -= share
        return self.make_valid()

    def _make_forged(self) -> Request:
        _, token = self._make_token()
        place = self._random.randrange(len(token))
        other = self._random.choice(_TOKENS.replace(token[place], ""))
        return Request(
            "forged", self._make_get(token[:place] + other + token[place + 1 :])
        )

    def _make_garbage(self) -> Request:
        length = self._random.randrange(300)
        if self._random.random() < 0.5:
            text = "".join(self._random.choices(_TOKENS, k=length))
        else:
            text = quote(self._random.randbytes(length), safe="/&=;,~")
        return Request("garbage", self._make_get(text.strip("/")))

    def _make_head(self) -> Request:
        return Request("head", self._make_message(b"HEAD", self._make_token()[1]))

    def _make_post(self) -> Request:
        method = self._random.choice((b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"))
        body = b"a=1" if method == b"POST" else b""
        message = self._make_message(method, self._make_token()[1], body)
        return Request("post", message, expected=405)

    def _make_page(self) -> Request:
        path = self._random.choice((b"/", b"/ptrack", b"/page/?a=1", b"/ptrac/x/"))
        return Request("page", self._make_lines(b"GET", path))

    def _make_overlong(self) -> Request:
        length = self._random.randrange(MAX_TOKEN_LENGTH + 1, 16000)
        return Request("overlong", self._make_get("A" * length))

    def _make_raw(self) -> Request:
        """Return a request that breaks the rules of HTTP."""
        junk = self._random.randbytes(20).replace(b"\n", b"").replace(b"\r", b"")
        data = self._random.choice(
            (
                self._make_lines(b"GET", PREFIX.encode() + junk),
                self._make_lines(junk.replace(b" ", b"") or b"X", PREFIX.encode()),
                b"GET " + PREFIX.encode() + b"x/\r\n\r\n",
                junk + b"\r\n\r\n",
                self._make_lines(b"GET", b"ptrack/x/"),
                self._make_lines(b"GET", PREFIX.encode(), junk + b"\r\n"),
                self._make_lines(b"GET", PREFIX.encode(), b"Content-Length: -1\r\n"),
            )
        )
        return Request("raw", data, expected=None)

    def _make_huge(self) -> Request:
        return Request("huge", self._make_get("A" * 450_000), expected=None)

    def _make_half(self) -> Request:
        data = self._make_get(self._make_token()[1])
        # Without the last bytes at least, it isn't a request yet.
        half = data[: self._random.randrange(1, len(data) - 2)]
        return Request("half", half, expected=None, abrupt=self._is_abrupt())

    def _make_abandoned(self) -> Request:
        number, token = self._make_token()
        return Request(
            "abandoned",
            self._make_get(token),
            expected=None,
            hit=number,
            abrupt=self._is_abrupt(),
        )

    def _is_abrupt(self) -> bool:
        return self._random.random() < 0.5

    # -- their parts ------------------------------------------------------------------

    def _make_token(self, **options: Any) -> tuple[int, str]:
        self._count += 1
        return self._count, self._seal(id=self._count, **options)

    def _make_get(self, token: str) -> bytes:
        return self._make_message(b"GET", token)

    def _make_message(self, method: bytes, token: str, body: bytes = b"") -> bytes:
        header = b"Content-Length: %d\r\n" % len(body) if body else b""
        return self._make_lines(method, f"{PREFIX}{token}/".encode(), header) + body

    def _make_lines(self, method: bytes, path: bytes, header: bytes = b"") -> bytes:
        return (
            b"%b %b HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Soak/1\r\n%b%b\r\n"
            % (method, path, header, self._connection)
        )
