"""The texts of the standard library's messages, to find and to replace.

Headers stay as they are, and with them the charset and the transfer encoding; there is
another encoding only where the new text can't be sent in the old one.
"""

import base64
import binascii
import codecs
import copy
import logging
import re
import string
from collections.abc import Callable, Iterator
from email.message import Message
from email.policy import compat32
from typing import Any, TypeVar

from ptrack.core.logs import log

AnyMessage = TypeVar("AnyMessage", bound=Message)

LONGEST_HEADER = 4000
"""In characters: the time to parse a header grows with the square of its length."""

LONGEST_LINE = 998
"""In bytes, without its end (RFC 5322, section 2.1.1)."""


def copy_message(message: AnyMessage) -> AnyMessage:
    """Return a copy that can be changed without changing the message."""
    shared: dict[int, Any] = {}
    # Neither policies nor parsed headers ever change, and copying them takes twenty
    # times as long as all the rest.
    parts = list(message.walk())
    for part in parts:
        shared[id(part.policy)] = part.policy
        shared.update((id(value), value) for _, value in part.raw_items())
    # The innermost first: a deep message would need too deep a recursion.
    for part in reversed(parts):
        copy.deepcopy(part, shared)
    twin: AnyMessage = shared[id(message)]
    return twin


def has_short_headers(message: Message, *names: str) -> bool:
    """Return whether headers can be parsed in a short time; else log a warning.

    Args:
        message: A message or a part of one.
        names: The names of the headers, in lower case.
    """
    for name, value in message.raw_items():
        if name.lower() in names and len(value) > LONGEST_HEADER:
            log(
                logging.WARNING,
                "A mail has a header %s of more than %d characters. All that it is for "
                "goes out untracked: shorten it",
                *(name, LONGEST_HEADER),
            )
            return False
    return True


def find_text_parts(message: Message) -> Iterator[Message]:
    """Yield the parts that a mail client shows as text.

    Attachments and messages inside the message are left out, and so are signed parts: a
    change would break the signature (RFC 1847). Parts with headers that are too long to
    parse are left out too.
    """
    if not has_short_headers(message, *_HEADERS):
        return
    plain = _read_plainly(message)
    if plain.get_content_type() == "multipart/signed":
        return
    if plain.get_content_maintype() == "multipart" and plain.is_multipart():
        parts: Any = plain.get_payload()
        for part in parts:
            yield from find_text_parts(part)
    elif (
        plain.get_content_maintype() == "text"
        and not plain.is_multipart()
        and plain.get_content_disposition() != "attachment"
    ):
        yield message


def _read_plainly(message: Message) -> Message:
    """Return a copy whose headers are read as they are written.

    The policies of `email.message.EmailMessage` parse them by their grammar; that takes
    a hundred times as long, and fails at nested comments.
    """
    plain = copy.copy(message)
    plain.policy = compat32
    return plain


class TextPart:
    """A part of a message that holds text.

    Args:
        part: One of `find_text_parts`.
    """

    def __init__(self, part: Message) -> None:
        self._part = part
        self._plain = _read_plainly(part)
        data = self._plain.get_payload(decode=True)
        self._data = data if isinstance(data, bytes) else b""
        self._codec = self._find_codec()

    @property
    def subtype(self) -> str:
        """The second half of its content type, ``"html"`` for example."""
        return self._plain.get_content_subtype()

    @property
    def joined(self) -> bool:
        """Whether lines are joined without the space at the end (RFC 3676)."""
        try:
            return str(self._plain.get_param("delsp")).lower() == "yes"
        except (LookupError, TypeError, ValueError):
            # Python raises all of them at broken parameters.
            return False

    def read(self) -> str | None:
        """Return the text, such that `replace` makes the same bytes of it.

        Bytes that aren't of the charset, or all beyond ASCII where it isn't known, are
        lone surrogates in it (PEP 383).

        Returns:
            The text; ``None`` if no text makes the same bytes.
        """
        charset, errors = self._codec
        text = self._data.decode(charset, errors)
        try:
            same = text.encode(charset, errors) == self._data
        except UnicodeError:
            return None
        return text if same else None

    def replace(self, text: str) -> None:
        """Put another text into the part."""
        data = text.encode(*self._codec)
        encoding = self._read_encoding("7bit")
        if encoding in ("7bit", "8bit", "binary"):
            if _fits_lines(data):
                self._part.set_payload(data.decode("ascii", "surrogateescape"))
                return
            encoding = "quoted-printable"
        encode = _ENCODERS.get(encoding)
        if encode is None:
            encoding, encode = "base64", base64.encodebytes
        self._part.set_payload(encode(data).decode("ascii"))
        if _ENCODING not in self._part:
            self._part[_ENCODING] = encoding
        elif self._read_encoding() != encoding:
            self._part.replace_header(_ENCODING, encoding)

    def _read_encoding(self, default: str = "") -> str:
        return str(self._plain.get(_ENCODING, default)).strip().lower()

    def _find_codec(self) -> tuple[str, str]:
        """Return the codec that reads the part's bytes, and its error handler."""
        try:
            charset = self._plain.get_content_charset("us-ascii")
            if codecs.lookup(charset).name in _NO_CHARSETS:
                return _ASCII
            # An error if it is a codec for bytes, or lacks a character of ASCII.
            superset = b"<=>" in string.printable.encode(charset)
        except (LookupError, TypeError, ValueError):
            # Python raises all of them at broken parameters and names.
            return _ASCII
        try:
            self._data.decode(charset)
        except UnicodeError:
            # With "replace", `read` never finds the same bytes.
            return _ASCII if superset else (charset, "replace")
        return charset, "strict"


_ASCII = "ascii", "surrogateescape"
_ENCODING = "Content-Transfer-Encoding"
_HEADERS = "content-type", "content-disposition", "content-transfer-encoding"
# Python's own, some of which take a time that grows with the square of the length:
# https://docs.python.org/3/library/codecs.html#python-specific-encodings
_NO_CHARSETS = frozenset(
    (
        *("idna", "mbcs", "oem", "palmos", "punycode"),
        *("raw-unicode-escape", "undefined", "unicode-escape"),
    )
)


def _fits_lines(data: bytes) -> bool:
    return max(map(len, re.split(b"\r\n|\r|\n", data))) <= LONGEST_LINE


def _encode_quoted_printable(data: bytes) -> bytes:
    """Encode lines (RFC 2045, section 6.7); a lone carriage return is quoted."""
    parts = re.split(b"(\r\n|\n)", data)
    parts[::2] = [binascii.b2a_qp(line, istext=False) for line in parts[::2]]
    # Else some programs, smtplib among them, put ">" before it (RFC 2049, section 3).
    return _FROM.sub(b"=46rom ", b"".join(parts))


_FROM = re.compile(b"^From ", re.MULTILINE)
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": _encode_quoted_printable,
    "base64": base64.encodebytes,
}
