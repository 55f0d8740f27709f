"""The token: ``(*args, **kwargs)`` sealed into a piece of URL.

The format, readable and writable by django-ptrack 3.0.0 and by us::

    token   = base64url(nonce | box)        RFC 4648, section 5
    box     = XSalsa20-Poly1305(key, nonce, json)   as NaCl's crypto_secretbox
    nonce   = 24 random bytes
    key     = the secret's UTF-8 bytes, padded on the right with "{" to 32 bytes
    json    = [args, kwargs] in UTF-8, an array and an object

What is written is compact and followed by zero to two spaces, so that the base64 has
no padding: a ``=`` doesn't survive quoted-printable mail bodies in every client (it is
their escape character, RFC 2045, section 6.7). What is read may be padded, as
django-ptrack 3.0.0 wrote it, or have lost its padding.
"""

import binascii
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox

from ptrack.exceptions import PtrackConfigurationError, PtrackTokenError

from .values import json_bytes

KEY_SIZE = SecretBox.KEY_SIZE
"""The length of a key, and with it of the longest secret, in bytes."""

MAX_TOKEN_LENGTH = 8000
"""The longest token that is made or read, in characters.

Servers refuse longer request lines: nginx's default buffer holds 8 KiB, Apache's
``LimitRequestLine`` is 8,190 bytes, gunicorn's ``limit_request_line`` 4,094.
"""

Hit = tuple[list[Any], dict[str, Any]]
"""What a token carries: positional and keyword arguments."""

_PADDING = b"{"
# The standard library knows the standard alphabet. What isn't of ours becomes a
# character that it skips.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_FILL = (b"", b"=", b"==")
# The last character of a token of 4n+2 or 4n+3 characters has bits to spare; only with
# those at zero is it what an encoder writes, and one token has one spelling.
_LAST_OF_2, _LAST_OF_3 = b"AQgw", b"AEIMQUYcgkosw048"
_OVERHEAD = SecretBox.NONCE_SIZE + SecretBox.MACBYTES
_ASIDE = (b"", b"  ", b" ")

# JSON's white space (RFC 8259, section 2), which `raw_decode` leaves to its caller.
_SPACE = " \t\n\r"

_raw_decode = json.JSONDecoder().raw_decode


class Encoder(Protocol):
    """What stands behind ``ptrack.ptrack_encoder``: a class with two static methods."""

    def encrypt(self, *args: Any, **kwargs: Any) -> str:
        """Seal the arguments into a token."""

    def decrypt(self, token: str, /) -> tuple[Iterable[Any], dict[str, Any]]:
        """Give the arguments back; whatever it raises means "not a token of ours"."""


def key_of(secret: object) -> bytes:
    """Give the key that a secret stands for.

    Args:
        secret: ``str`` or ``bytes``, 1 to 32 bytes in UTF-8.

    Returns:
        32 bytes.

    Raises:
        PtrackConfigurationError: The secret is none; the message doesn't show it.
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
    """Seals arguments into tokens and opens them, with the keys it was built with.

    Args:
        secret: Seals and opens; see `key_of`.
        fallbacks: Earlier secrets, tried in order, for opening only.

    Raises:
        PtrackConfigurationError: One of the secrets is unusable.
    """

    __slots__ = ("_boxes", "_seal")

    def __init__(self, secret: object, fallbacks: Iterable[object] = ()) -> None:
        try:
            self._boxes = tuple(map(_secret_box, (secret, *fallbacks)))
        except PtrackConfigurationError as error:
            # Without the frames below, which hold the secret.
            raise error.with_traceback(None) from None
        finally:
            # Error trackers show what a frame holds, this one's too.
            del secret, fallbacks
        self._seal = self._boxes[0].encrypt

    def derived(self, purpose: bytes) -> "TokenBox":
        """Give a box whose tokens are nothing to this one, and the other way round.

        Args:
            purpose: Tells one such box from another; at most 16 bytes.

        Returns:
            A box with a key for each of this one's: BLAKE2b of nothing, keyed with it
            and personalised with the purpose (RFC 7693, sections 2.5 and 2.8).
        """
        derived = object.__new__(TokenBox)
        derived._boxes = tuple(
            SecretBox(
                blake2b(
                    b"",
                    digest_size=KEY_SIZE,
                    key=bytes(box),
                    person=purpose,
                    encoder=RawEncoder,
                )
            )
            for box in self._boxes
        )
        derived._seal = derived._boxes[0].encrypt
        return derived

    def encrypt(self, /, *args: Any, **kwargs: Any) -> str:
        """Seal the arguments into a token.

        Args:
            args: Positional arguments for the callbacks.
            kwargs: Keyword arguments for the callbacks. Values are what JSON holds
                exactly: str, int, finite float, bool, None, lists and dicts with str
                keys of these; lazy translations are taken as their text.

        Returns:
            Characters of the URL-safe base64 alphabet, without ``=``.

        Raises:
            TypeError: A value is of another type; the message names it.
            ValueError: A value of a fitting type can't be held (NaN, an infinity, a
                list that contains itself), or the token would exceed 8,000 characters.
        """
        data = json_bytes(args, kwargs)
        data += _ASIDE[(_OVERHEAD + len(data)) % 3]
        token = urlsafe_b64encode(self._seal(data)).decode("ascii")
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError(
                f"The token would have {len(token)} characters, and servers refuse "
                f"URLs with more than {MAX_TOKEN_LENGTH}: put less into it, for "
                "example a key to what is stored elsewhere."
            )
        return token

    def decrypt(self, token: str | bytes, /) -> Hit:
        """Open a token.

        Args:
            token: What `encrypt`, or django-ptrack 3.0.0, gave; padding is optional.

        Returns:
            The positional arguments as a list and the keyword arguments as a dict.

        Raises:
            PtrackTokenError: The token is not authentic, for whatever reason.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise PtrackTokenError("not a token")
        data = self._open(_sealed_bytes(token))
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


def _secret_box(secret: object) -> SecretBox:
    return SecretBox(key_of(secret))


def _sealed_bytes(token: str | bytes) -> bytes:
    """Undo the base64, strictly: the standard library skips what it doesn't know."""
    try:
        text = token.encode("ascii") if isinstance(token, str) else token
    except UnicodeEncodeError:
        raise PtrackTokenError("not a token") from None
    bare = text.rstrip(b"=")
    missing = -len(bare) % 4
    if (
        missing == 3
        or len(text) - len(bare) not in (0, missing)
        or (missing == 2 and bare[-1] not in _LAST_OF_2)
        or (missing == 1 and bare[-1] not in _LAST_OF_3)
    ):
        raise PtrackTokenError("not a token")
    try:
        sealed = binascii.a2b_base64(bare.translate(_TO_STANDARD) + _FILL[missing])
    except ValueError:
        raise PtrackTokenError("not a token") from None
    # What was skipped is missing here.
    if len(sealed) != len(bare) * 3 // 4:
        raise PtrackTokenError("not a token")
    return sealed


# -- the default encoder --------------------------------------------------------------

_configured: Callable[[], TokenBox]


def configure(source: Callable[[], TokenBox]) -> None:
    """Tell `PtrackEncoder` where to ask, at each call, for the box of the settings."""
    global _configured
    _configured = source


class PtrackEncoder:
    """The default encoder: `TokenBox` with the secrets of the project's settings.

    These are Django's settings where they are configured, else the environment.
    """

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        """Seal the arguments into a token: see `TokenBox.encrypt`."""
        return _configured().encrypt(*args, **kwargs)

    @staticmethod
    def decrypt(token: str | bytes) -> Hit:
        """Open a token: see `TokenBox.decrypt`."""
        return _configured().decrypt(token)
