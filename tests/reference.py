"""The token format, said again without a line of ptrack: what ptrack is measured by."""

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


def key_of(secret: str | bytes) -> bytes:
    """Give the 32 bytes that a secret stands for."""
    data = secret.encode() if isinstance(secret, str) else secret
    return data.ljust(32, b"{")


def link_key_of(secret: str | bytes) -> bytes:
    """Give the key that the tokens of links are sealed with."""
    return hashlib.blake2b(
        b"", digest_size=32, key=key_of(secret), person=b"ptrack link"
    ).digest()


def spelled(data: bytes, *, padded: bool = True) -> str:
    """Give bytes as base64url, with the padding that django-ptrack 3.0.0 left."""
    text = base64.urlsafe_b64encode(data).decode()
    return text if padded else text.rstrip("=")


def sealed(
    data: bytes, secret: str | bytes, nonce: bytes | None = None, key_of: Key = key_of
) -> bytes:
    """Seal any bytes, so that only the content can be wrong."""
    return bytes(SecretBox(key_of(secret)).encrypt(data, nonce))


def is_hit(content: Any) -> bool:
    """Tell whether JSON is an array of an array and an object."""
    return type(content) is list and [*map(type, content)] == [list, dict]


def opened(token: bytes, secrets: Iterable[str | bytes], key_of: Key = key_of) -> Any:
    """Give what a token carries, ``[args, kwargs]``, or ``None`` if it is no token."""
    bare = token.rstrip(b"=")
    missing = -len(bare) % 4
    if len(token) > LONGEST or missing == 3 or not _ALPHABET.fullmatch(bare):
        return None
    data = base64.urlsafe_b64decode(bare + b"=" * missing)
    if token.decode() not in (spelled(data), spelled(data, padded=False)):
        return None
    for secret in secrets:
        try:
            plain = SecretBox(key_of(secret)).decrypt(data)
            content = json.loads(plain.decode())
        except (CryptoError, ValueError, RecursionError):
            continue
        return content if is_hit(content) else None
    return None
