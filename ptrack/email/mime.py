"""The texts of the standard library's messages, to find and to replace.

Headers stay as they are, and with them the charset and the transfer encoding; there is
another encoding only where the new text can't be sent in the old one.
"""

import base64
import binascii
import copy
import re
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any, TypeVar

AnyMessage = TypeVar("AnyMessage", bound=Message)

LONGEST_LINE = 998
"""In bytes, without its end (RFC 5322, section 2.1.1)."""


def copy_message(message: AnyMessage) -> AnyMessage:
    """Return a copy that can be changed without changing the message."""
    shared: dict[int, Any] = {}
    # Neither policies nor parsed headers ever change, and copying them takes twenty
    # times as long as all the rest.
    for part in message.walk():
        shared[id(part.policy)] = part.policy
        shared.update((id(value), value) for _, value in part.raw_items())
    return copy.deepcopy(message, shared)


def find_text_parts(message: Message) -> Iterator[Message]:
    """Yield the parts that a mail client shows as text.

    Attachments and messages inside the message are left out, and so are signed parts: a
    change would break the signature (RFC 1847).
    """
    if message.get_content_type() == "multipart/signed":
        return
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        parts: Any = message.get_payload()
        for part in parts:
            yield from find_text_parts(part)
    elif (
        message.get_content_maintype() == "text"
        and not message.is_multipart()
        and message.get_content_disposition() != "attachment"
    ):
        yield message


class TextPart:
    """A part of a message that holds text.

    Args:
        part: One of `find_text_parts`.
    """

    def __init__(self, part: Message) -> None:
        self._part = part
        data = part.get_payload(decode=True)
        self._data = data if isinstance(data, bytes) else b""
        self._codec = self._find_codec()

    @property
    def subtype(self) -> str:
        """The second half of its content type, ``"html"`` for example."""
        return self._part.get_content_subtype()

    def read(self) -> str | None:
        """Return the text, such that `replace` makes the same bytes of it.

        Bytes that aren't of the charset, or all beyond ASCII where it isn't known, are
        lone surrogates in it (PEP 383).

        Returns:
            The text; ``None`` if no text makes the same bytes.
        """
        charset, errors = self._codec
        text = self._data.decode(charset, errors)
        return text if text.encode(charset, errors) == self._data else None

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
        return str(self._part.get(_ENCODING, default)).strip().lower()

    def _find_codec(self) -> tuple[str, str]:
        """Return the codec that reads the part's bytes, and its error handler."""
        charset = self._part.get_content_charset("us-ascii")
        try:
            # Decoding empty bytes alone, Python would look up no codec.
            "".encode(charset)
            self._data.decode(charset)
        except LookupError:
            return _ASCII
        except UnicodeDecodeError:
            superset = "<>".encode(charset) == b"<>"
            # With "replace", `read` never finds the same bytes.
            return _ASCII if superset else (charset, "replace")
        return charset, "strict"


_ASCII = "ascii", "surrogateescape"
_ENCODING = "Content-Transfer-Encoding"


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
