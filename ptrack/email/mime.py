"""The texts of the standard library's messages: which are shown, and to replace them.

Headers stay as they are, and with them the charset and the transfer encoding; only
where the new text can't be sent in the old encoding there is another.
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


def copied(message: AnyMessage) -> AnyMessage:
    """Give a copy that can be changed without changing the message."""
    shared: dict[int, Any] = {}
    # Neither policies nor parsed headers ever change, and copying them takes twenty
    # times as long as all the rest.
    for part in message.walk():
        shared[id(part.policy)] = part.policy
        shared.update((id(value), value) for _, value in part.raw_items())
    return copy.deepcopy(message, shared)


def texts(message: Message) -> Iterator[Message]:
    """Find the parts that a reader is shown as text.

    Attachments are none, and neither is what is signed, which it wouldn't be any longer
    after a change (RFC 1847), or a message inside the message.
    """
    if message.get_content_type() == "multipart/signed":
        return
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        parts: Any = message.get_payload()
        for part in parts:
            yield from texts(part)
    elif (
        message.get_content_maintype() == "text"
        and not message.is_multipart()
        and message.get_content_disposition() != "attachment"
    ):
        yield message


def text_of(part: Message) -> str | None:
    """Give the text of a part, so that `put` gives the same bytes for it.

    Bytes that aren't of the charset, or all beyond ASCII where it isn't known, are lone
    surrogates in it (PEP 383).

    Returns:
        The text, or ``None`` where that can't be.
    """
    data = _data(part)
    charset, errors = _codec(part, data)
    text = data.decode(charset, errors)
    return text if text.encode(charset, errors) == data else None


def put(part: Message, text: str) -> None:
    """Put a text into the place of what `text_of` gave for the part."""
    charset, errors = _codec(part, _data(part))
    data = text.encode(charset, errors)
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    if encoding in ("7bit", "8bit", "binary"):
        if _fits(data):
            part.set_payload(data.decode("ascii", "surrogateescape"))
            return
        encoding = "quoted-printable"
    encode = _ENCODERS.get(encoding)
    if encode is None:
        encoding, encode = "base64", base64.encodebytes
    part.set_payload(encode(data).decode("ascii"))
    _set_encoding(part, encoding)


def _set_encoding(part: Message, encoding: str) -> None:
    name = "Content-Transfer-Encoding"
    if name not in part:
        part[name] = encoding
    elif str(part[name]).strip().lower() != encoding:
        part.replace_header(name, encoding)


_ASCII = "ascii", "surrogateescape"


def _data(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _codec(part: Message, data: bytes) -> tuple[str, str]:
    """Give the codec, and its error handler, that a part's bytes are read with."""
    charset = part.get_content_charset("us-ascii")
    try:
        data.decode(charset)
    except LookupError:
        return _ASCII
    except UnicodeDecodeError:
        superset = "<>".encode(charset) == b"<>"
        # What the latter reads is never what it writes.
        return _ASCII if superset else (charset, "replace")
    return charset, "strict"


def _fits(data: bytes) -> bool:
    return max(map(len, re.split(b"\r\n|\r|\n", data))) <= LONGEST_LINE


def _quoted_printable(data: bytes) -> bytes:
    """Encode lines (RFC 2045, section 6.7); what isn't the end of one is quoted."""
    parts = re.split(b"(\r\n|\n)", data)
    parts[::2] = [binascii.b2a_qp(line, istext=False) for line in parts[::2]]
    # Else some programs, smtplib among them, put ">" before it (RFC 2049, section 3).
    return _FROM.sub(b"=46rom ", b"".join(parts))


_FROM = re.compile(b"^From ", re.MULTILINE)
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": _quoted_printable,
    "base64": base64.encodebytes,
}
