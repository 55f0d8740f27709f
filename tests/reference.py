"""The token format in a second implementation, without a line of ptrack's.

Tests compare ptrack with it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

Key = Callable[[str | bytes], bytes]

LONGEST = 8000
_ALPHABET = re.compile(rb"[A-Za-z0-9_-]*")
FOREIGN = rb"(?:=[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|[^A-Za-z0-9_-])*"
"""A pattern of all that may be left out: characters of no token, and escapes."""


def make_key(secret: str | bytes) -> bytes:
    """Return the key of a secret: 32 bytes."""
    data = secret.encode() if isinstance(secret, str) else secret
    return data.ljust(32, b"{")


def make_link_key(secret: str | bytes) -> bytes:
    """Return the key that the tokens of links are sealed with."""
    return hashlib.blake2b(
        b"", digest_size=32, key=make_key(secret), person=b"ptrack link"
    ).digest()


def spell(data: bytes, *, padded: bool = True) -> str:
    """Return bytes as base64url, with the padding that django-ptrack 3.0.0 left."""
    text = base64.urlsafe_b64encode(data).decode()
    return text if padded else text.rstrip("=")


def seal(
    data: bytes,
    secret: str | bytes,
    nonce: bytes | None = None,
    make_key: Key = make_key,
) -> bytes:
    """Seal any bytes, so that nothing but the content can be wrong."""
    return bytes(SecretBox(make_key(secret)).encrypt(data, nonce))


def is_hit(content: Any) -> bool:
    """Return whether JSON is an array of an array and an object."""
    return type(content) is list and [*map(type, content)] == [list, dict]


def open_token(
    token: bytes, secrets: Iterable[str | bytes], make_key: Key = make_key
) -> Any:
    """Return ``[args, kwargs]`` of a token; ``None`` if it can't be read."""
    bare = token.rstrip(b"=")
    missing = -len(bare) % 4
    if len(token) > LONGEST or missing == 3 or not _ALPHABET.fullmatch(bare):
        return None
    data = base64.urlsafe_b64decode(bare + b"=" * missing)
    if token.decode() not in (spell(data), spell(data, padded=False)):
        return None
    for secret in secrets:
        try:
            plain = SecretBox(make_key(secret)).decrypt(data)
            content = json.loads(plain.decode())
        except (CryptoError, ValueError, RecursionError):
            continue
        return content if is_hit(content) else None
    return None


def open_arguments(
    token: bytes, secrets: Iterable[str | bytes], make_key: Key = make_key
) -> Any:
    """Return ``[args, kwargs]`` as callbacks get them: without the reserved key."""
    content = open_token(token, secrets, make_key)
    if content is not None:
        content[1].pop(":", None)
    return content


def find_damaged(
    text: bytes, secrets: Iterable[str | bytes], make_key: Key = make_key
) -> Any:
    """Return the arguments of a token whose letters a text begins with, in their order.

    Other characters may be before, between and behind them.
    """
    # A "=" that was put in may have letters of the token behind it.
    space = rb"=(?:3[Dd]|0[AaDd9]|20)|%[0-9A-Fa-f]{2}|[^A-Za-z0-9_-]"
    for pattern in (FOREIGN, space, rb"[^A-Za-z0-9_-]"):
        letters = re.sub(pattern, b"", text)
        for end in range(len(letters), 62, -1):
            content = open_arguments(letters[:end], secrets, make_key)
            if content is not None:
                return content
    return None
