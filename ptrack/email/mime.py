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
from email.utils import collapse_rfc2231_value
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
        # The policy `compat32` takes any object as a value.
        if name.lower() in names and len(str(value)) > LONGEST_HEADER:
            log(
                logging.WARNING,
                "A mail has a header %s of more than %d characters. All that it is for "
                "goes out untracked: shorten it",
                *(name, LONGEST_HEADER),
            )
            return False
    return True


def find_text_parts(message: Message, *, is_shown: bool = False) -> Iterator[Message]:
    """Yield the parts that a mail client shows as text.

    Attachments and messages inside the message are left out, and so is all that is
    signed or encrypted: a change would break it (RFC 1847). Of ``multipart/related``
    the root is the body; the other parts belong to it (RFC 2387). Parts with headers
    that are too long to parse are left out too.

    Args:
        message: A message or a part of one.
        is_shown: It isn't an attachment, whatever its headers say.
    """
    if not has_short_headers(message, *_HEADERS):
        return
    plain = _read_plainly(message)
    if not is_shown and is_attachment(plain):
        return
    if plain.get_content_maintype() == "multipart" and plain.is_multipart():
        kind = plain.get_content_subtype()
        # In "related", clients ignore the dispositions: RFC 2387, section 4.
        for part in _find_shown_parts(plain, kind):
            yield from find_text_parts(part, is_shown=kind == "related")
    elif plain.get_content_maintype() == "text" and not plain.is_multipart():
        yield message


def _find_shown_parts(plain: Message, kind: str) -> list[Message]:
    parts: Any = plain.get_payload()
    if kind in ("signed", "encrypted"):
        return []
    if kind != "related":
        return list(parts)
    start = _read_parameter(plain, "start", "Content-Type").strip("<> ")
    ids = [_read_header(part, "Content-ID").strip("<> ") for part in parts]
    # Without a start, or if it names no part, the first is the root.
    root = ids.index(start) if start in filter(None, ids) else 0
    return [*parts[root : root + 1]]


def is_attachment(message: Message) -> bool:
    """Return whether a part is an attachment by its headers (RFC 2183).

    So is each part that has a file name, and each with a disposition that isn't known
    (section 2.8).

    Args:
        message: The part, with the policy `email.policy.compat32`.
    """
    disposition = _read_header(message, "Content-Disposition").strip('"').lower()
    if _DISPOSITION_END.split(disposition, maxsplit=1)[0] not in ("", "inline"):
        return True
    return any(_read_parameter(message, *place).strip() for place in _FILE_NAMES)


def _read_header(message: Message, name: str) -> str:
    return str(_read_plainly(message).get(name, "")).strip()


def _read_parameter(message: Message, name: str, header: str) -> str:
    """Return a parameter of a header (RFC 2231); ``""`` if it isn't there."""
    try:
        return collapse_rfc2231_value(message.get_param(name, "", header))
    except (AttributeError, LookupError, TypeError, ValueError):
        # Python raises all of them at broken parameters.
        value = _read_header(message, header)
        return value if name in value.lower() else ""


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
        self._encoding = _read_encoding(self._plain)
        self._data = _decode(_read_source(self._plain), self._encoding)
        self._codec = self._find_codec(self._data or b"")

    @property
    def subtype(self) -> str:
        """The second half of its content type, ``"html"`` for example."""
        return self._plain.get_content_subtype()

    @property
    def is_decoded(self) -> bool:
        """Whether its transfer encoding is known, and its content is in that encoding.

        All else is no text (RFC 2045, section 6.4).
        """
        return self._data is not None

    @property
    def codec(self) -> str:
        """Python's name of the codec for its charset."""
        return codecs.lookup(self._codec[0]).name

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
        lone surrogates in it (PEP 383). ISO 2022 that Python can't decode isn't read as
        ASCII: halves of its characters look like markup.

        Returns:
            The text; ``None`` if no text makes the same bytes.
        """
        if self._data is None:
            return None
        charset, errors = self._codec
        if self.codec == "ascii" and _SHIFT.search(self._data):
            return None
        text = self._data.decode(charset, errors)
        try:
            same = text.encode(charset, errors) == self._data
        except UnicodeError:
            return None
        return text if same else None

    def replace(self, text: str) -> None:
        """Put another text into the part."""
        data = text.encode(*self._codec)
        encoding = self._encoding
        if encoding in _PLAIN:
            # Some mails have bytes beyond ASCII in "7bit"; this makes no more of them.
            becomes_8bit = (self._data or b"").isascii() and not data.isascii()
            if _fits_lines(data) and not (encoding == "7bit" and becomes_8bit):
                self._part.set_payload(data.decode("ascii", "surrogateescape"))
                return
            encoding = "quoted-printable"
        self._part.set_payload(_ENCODERS[encoding](data).decode("ascii"))
        if _ENCODING not in self._part:
            self._part[_ENCODING] = encoding
        elif self._encoding != encoding:
            self._part.replace_header(_ENCODING, encoding)

    def _find_codec(self, data: bytes) -> tuple[str, str]:
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
            data.decode(charset)
        except UnicodeError:
            # With "replace", `read` never finds the same bytes.
            as_ascii = superset and not _SHIFT.search(data)
            return _ASCII if as_ascii else (charset, "replace")
        return charset, "strict"


def _read_encoding(plain: Message) -> str:
    """Return the transfer encoding; ``""`` if it isn't known, or there are several."""
    values = [str(each).strip().lower() for each in plain.get_all(_ENCODING, ["7bit"])]
    known = len(values) == 1 and (values[0] in _PLAIN or values[0] in _DECODERS)
    return values[0] if known else ""


def _read_source(plain: Message) -> bytes | None:
    """Return the content as it is sent; ``None`` if it isn't text that can be sent."""
    bare = copy.copy(plain)
    # Python would decode by these headers, and pass over most damages.
    del bare["Content-Type"], bare[_ENCODING]
    try:
        data, text = bare.get_payload(decode=True), bare.get_payload()
    except UnicodeError:
        return None
    if text is None:
        return b""
    # Python writes escapes for characters beyond ASCII that aren't bytes (PEP 383).
    same = isinstance(data, bytes) and data.decode("ascii", "replace") == text
    return bytes(data) if same else None


def _decode(source: bytes | None, encoding: str) -> bytes | None:
    """Return the content without its transfer encoding; ``None`` if it is damaged."""
    if source is None or encoding in _PLAIN:
        return source
    try:
        return _DECODERS[encoding](source)
    except (KeyError, ValueError):
        return None


def _decode_base64(source: bytes) -> bytes:
    return base64.b64decode(b"".join(source.split()), validate=True)


def _decode_quoted_printable(source: bytes) -> bytes:
    if _DAMAGED.search(source):
        raise ValueError("not quoted-printable")
    return binascii.a2b_qp(source)


_DAMAGED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
# Characters of two bytes, or Japanese ones of one byte, follow (ISO 2022).
_SHIFT = re.compile(rb"\x1b(?:\$|\(I)")
_PLAIN = ("7bit", "8bit", "binary")
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": _decode_quoted_printable,
    "base64": _decode_base64,
}
_DISPOSITION_END = re.compile(r"""[\s";(]""")
_FILE_NAMES = ("filename", "Content-Disposition"), ("name", "Content-Type")
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
