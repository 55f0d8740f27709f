"""The token: ``(*args, **kwargs)`` sealed into a piece of URL.

The format, readable and writable by django-ptrack 3.0.0 and by us::

    token   = base64url(nonce | box)        RFC 4648, section 5
    box     = XSalsa20-Poly1305(key, nonce, json)   as NaCl's crypto_secretbox
    nonce   = 24 random bytes
    key     = the secret's UTF-8 bytes, padded on the right with "{" to 32 bytes
    json    = [args, kwargs] in UTF-8, an array and an object

The key of a pixel is the one above. Every other kind of URL has a key of its own that
is derived from it (`TokenBox.derive`), and a link's target is the last of its ``args``.

JSON is written compact and followed by zero to two spaces, so that the base64 has no
padding: a ``=`` doesn't survive quoted-printable mail bodies in every client (it is
their escape character, RFC 2045, section 6.7). A token that is read may be padded, as
django-ptrack 3.0.0 wrote it, or have lost its padding.

Everything that a token carries beside the user's arguments is in one envelope: an
object under the keyword `ENVELOPE`, whose name no keyword argument can have. A token
that needs no envelope has none. To django-ptrack 3.0.0 the envelope is a keyword like
any other, so its mirrors record such a token too. A reader drops the entries that it
doesn't know. No entry is defined yet.
"""

import binascii
import json
from collections.abc import Iterable
from typing import Any, Protocol

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox

from ptrack.exceptions import PtrackConfigurationError, PtrackTokenError

from .values import encode_values

KEY_SIZE = SecretBox.KEY_SIZE
"""The length of a key, and with it of the longest secret, in bytes."""

MAX_TOKEN_LENGTH = 8000
"""The longest token that is made or read, in characters.

Servers refuse longer request lines: nginx's default buffer holds 8 KiB, Apache's
``LimitRequestLine`` is 8,190 bytes, gunicorn's ``limit_request_line`` 4,094.
"""

MIN_TOKEN_LENGTH = 63
"""The length of the shortest token, in characters: that of ``[[],{}]``, unpadded."""

ENVELOPE = ":"
"""The reserved keyword of the envelope, described with the format above."""

Arguments = tuple[list[Any], dict[str, Any]]
"""Positional and keyword arguments."""

_PADDING = b"{"
# The standard library reads the standard alphabet. The characters that are only in that
# one become "!", which it refuses.
_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# By the number of characters that are missing to a multiple of four. The last character
# has bits to spare then. An encoder writes them as zero, and any other value would be a
# second spelling of the token. No number of bytes leaves three missing.
_FILL = (b"", b"=", b"==", b"")
_LAST = (b"", b"AEIMQUYcgkosw048", b"AQgw", b"")
_OVERHEAD = SecretBox.NONCE_SIZE + SecretBox.MACBYTES
_ASIDE = (b"", b"  ", b" ")

# JSON's white space (RFC 8259, section 2), which `raw_decode` leaves to its caller.
_SPACE = " \t\n\r"

_raw_decode = json.JSONDecoder().raw_decode


class Encoder(Protocol):
    """A class for ``ptrack.ptrack_encoder``, with two static methods."""

    def encrypt(self, *args: Any, **kwargs: Any) -> str:
        """Seal the arguments into a token."""

    def decrypt(self, token: str, /) -> tuple[Iterable[Any], dict[str, Any]]:
        """Return the arguments; any exception means that it isn't a token of ours."""


def make_key(secret: object) -> bytes:
    """Return the key that a secret stands for.

    Args:
        secret: ``str`` or ``bytes``, 1 to 32 bytes in UTF-8.

    Returns:
        32 bytes.

    Raises:
        PtrackConfigurationError: The secret can't be used; the message doesn't show it.
    """
    if not isinstance(secret, str | bytes):
        raise PtrackConfigurationError(
            f"a secret must be str or bytes, not {type(secret).__name__}"
        )
    try:
        key = secret.encode() if isinstance(secret, str) else bytes(secret)
    except UnicodeEncodeError:
        # "from None": the codec's error carries the secret itself.
        raise PtrackConfigurationError(
            "a secret must be text that UTF-8 can hold"
        ) from None
    if not key:
        raise PtrackConfigurationError("a secret must not be empty")
    if len(key) > KEY_SIZE:
        raise PtrackConfigurationError(
            f"a secret must be at most {KEY_SIZE} bytes in UTF-8, not {len(key)}"
        )
    return key.ljust(KEY_SIZE, _PADDING)


class TokenBox:
    """Seals arguments into tokens, and opens them.

    Args:
        secret: The secret to seal and open with; see `make_key`.
        fallbacks: Earlier secrets to open with, tried in order.

    Raises:
        PtrackConfigurationError: One of the secrets is unusable.
    """

    __slots__ = ("_boxes", "_seal")

    def __init__(self, secret: object, fallbacks: Iterable[object] = ()) -> None:
        try:
            # No variable for a key: error trackers show the variables of frames.
            self._boxes = tuple(
                SecretBox(make_key(each)) for each in (secret, *fallbacks)
            )
        except PtrackConfigurationError as error:
            # Raised without the frames below, which hold the secret.
            raise error.with_traceback(None) from None
        finally:
            del secret, fallbacks
        self._seal = self._boxes[0].encrypt

    def derive(self, purpose: bytes) -> "TokenBox":
        """Return a box with derived keys; neither can read the other's tokens.

        Args:
            purpose: Distinguishes one such box from another; at most 16 bytes.

        Returns:
            A box with a key for each of this one's: BLAKE2b of nothing, keyed with it
            and personalised with the purpose (RFC 7693, sections 2.5 and 2.8).
        """
        first, *others = [
            blake2b(
                b"",
                digest_size=KEY_SIZE,
                key=bytes(box),
                person=purpose,
                encoder=RawEncoder,
            )
            for box in self._boxes
        ]
        return TokenBox(first, others)

    def encrypt(self, /, *args: Any, **kwargs: Any) -> str:
        """Seal the arguments into a token.

        Args:
            args: Positional arguments for the callbacks.
            kwargs: Keyword arguments for the callbacks. JSON has to hold the values
                exactly: str, int, finite float, bool, None, lists and dicts with str
                keys of these; a lazy translation becomes its text.

        Returns:
            Characters of the URL-safe base64 alphabet, without ``=``.

        Raises:
            TypeError: A value is of another type; the message names it.
            ValueError: A value of a fitting type can't be held (NaN, an infinity, a
                list that contains itself), or the token would exceed 8,000 characters.
        """
        data = encode_values(args, kwargs)
        size = _OVERHEAD + len(data)
        length = (size + 2) // 3 * 4
        if length > MAX_TOKEN_LENGTH:
            raise ValueError(
                f"The token would have {length} characters, and servers refuse URLs "
                f"with more than {MAX_TOKEN_LENGTH}: put less into it, for example a "
                "key to data that is stored elsewhere."
            )
        sealed = binascii.b2a_base64(self._seal(data + _ASIDE[size % 3]), newline=False)
        return sealed.translate(_TO_URL_SAFE).decode()

    def decrypt(self, token: str | bytes, /) -> Arguments:
        """Open a token.

        Args:
            token: A token of `encrypt`, or of django-ptrack 3.0.0; padding is optional.

        Returns:
            The positional arguments as a list and the keyword arguments as a dict.

        Raises:
            PtrackTokenError: The token is not authentic; no message says why.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise PtrackTokenError("not a token")
        data = self._open(_decode_base64(token))
        try:
            text = data.decode().strip(_SPACE)
            content, end = _raw_decode(text)
        except (ValueError, RecursionError):
            raise PtrackTokenError("not a token") from None
        if end == len(text) and type(content) is list and len(content) == 2:
            args, kwargs = content
            if type(args) is list and type(kwargs) is dict:
                return args, kwargs
        raise PtrackTokenError("not a token")

    def _open(self, sealed: bytes) -> bytes:
        for box in self._boxes:
            try:
                return box.decrypt(sealed)
            except (CryptoError, ValueError):
                continue
        raise PtrackTokenError("not a token")


def can_end(text: str, end: int) -> bool:
    """Return whether the start of a text can be a whole token.

    Args:
        text: Characters of the URL-safe base64 alphabet, without ``=``.
        end: The length of the start.
    """
    if not MIN_TOKEN_LENGTH <= end <= MAX_TOKEN_LENGTH:
        return False
    missing = -end % 4
    return not missing or text[end - 1].encode() in _LAST[missing]


def _decode_base64(token: str | bytes) -> bytes:
    """Decode base64 strictly: each sequence of bytes has one spelling, or is padded."""
    try:
        text = token.encode("ascii") if isinstance(token, str) else token
    except UnicodeEncodeError:
        raise PtrackTokenError("not a token") from None
    bare = text.rstrip(b"=")
    missing = -len(bare) % 4
    if len(text) - len(bare) not in (0, missing):
        raise PtrackTokenError("not a token")
    if missing:
        if bare[-1] not in _LAST[missing]:
            raise PtrackTokenError("not a token")
        bare += _FILL[missing]
    try:
        return binascii.a2b_base64(bare.translate(_TO_STANDARD), strict_mode=True)
    except ValueError:
        raise PtrackTokenError("not a token") from None
