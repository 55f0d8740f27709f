"""Any mail: `ptrack.email.track`, with messages of the standard library and of Django.

The fuzzer's bytes are the source of a mail. lxml, which is a parser of its own, reads
its HTML before and after: only the targets of links may differ, and the pixel.
"""

import codecs
import copy
import logging
import random
import re
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from django.core.mail import EmailMultiAlternatives
from lxml import etree

from ptrack.core.endpoint import LONG_URL
from ptrack.email import track
from ptrack.endpoints import get_django_endpoint
from tests.email import hostile
from tests.email.mailing import LINK, PIXEL
from tools.fuzz import inputs

MARK = "the fuzzer's"
"""The argument of each pixel and link that is made here."""

# It fits into a pixel, and with hardly a target into a link.
_LONG = "a" * 5900

# Python folds some parameters of a header in a loop without end.
_DEFAULT = policy.default.clone(refold_source="none")
_ENCODING = "content-transfer-encoding"
_CONDITIONAL = re.compile(r"\[if\b[^\]]*\]>(.*)<!\[endif\]\s*", re.DOTALL | re.I)


@contextmanager
def prepare() -> Iterator[Callable[[bytes], None]]:
    """Yield a function of the fuzzer's bytes that raises if a rule is broken."""

    def check(data: bytes) -> None:
        for rules in (_DEFAULT, policy.compat32):
            message = _parse(data, rules)
            if message is not None:
                _check_standard(message)
        # With the last policy, which reads all texts that there are.
        if message is not None:
            _check_django(message)

    logging.disable(logging.WARNING)
    try:
        yield check
    finally:
        logging.disable(logging.NOTSET)


def _parse(data: bytes, rules: Any) -> Message | None:
    try:
        return message_from_bytes(data, policy=rules)
    except Exception:  # Python's own failure: there is no message to track.
        return None


# -- messages -------------------------------------------------------------------------


def _check_standard(message: Message) -> None:
    _send(message)  # It sets boundaries that are missing.
    before = _send(message)
    for options in ({"opens": False, "text_links": True}, {"text_links": False}):
        tracked = track(message, MARK, **options)
        assert before is None or tracked.as_bytes()
        _compare_messages(message, tracked)
    assert _send(message) == before


def _send(message: Any) -> bytes | None:
    try:
        return bytes(message.as_bytes())
    except Exception:  # Python or Django can't send it, tracked or not.
        return None


def _compare_messages(before: Message, after: Message) -> None:
    shown = [id(part) for part in _find_shown(before)]
    pixels = 0
    for old, new in zip(before.walk(), after.walk(), strict=True):
        assert _read_headers(old) == _read_headers(new)
        assert (old.preamble, old.epilogue) == (new.preamble, new.epilogue)
        if old.is_multipart() or _read_content(old) == _read_content(new):
            continue
        assert id(old) in shown, "another part has changed"
        codec = _find_codec(old)
        kind = _read_plainly(old).get_content_subtype()
        texts = (_decode(old, codec), _decode(new, codec))
        pixels += _compare_texts(kind, *texts)
    assert pixels <= 1


def _find_shown(message: Message, may_be_attached: bool = False) -> Iterator[Message]:
    """Yield the parts that may be changed."""
    plain = _read_plainly(message)
    kind = plain.get_content_type()
    if may_be_attached and _is_attachment(plain):
        return
    if not plain.is_multipart():
        yield message
    elif kind.startswith("multipart/"):
        parts: Any = plain.get_payload()
        is_related = kind == "multipart/related"
        for part in _find_roots(plain, parts) if is_related else parts:
            if kind[10:] not in ("signed", "encrypted"):
                yield from _find_shown(part, may_be_attached=not is_related)


def _is_attachment(plain: Message) -> bool:
    try:
        return plain.get_content_disposition() == "attachment" or bool(
            plain.get_filename()
        )
    except Exception:  # Python fails at broken parameters.
        return False


def _find_roots(plain: Message, parts: list[Message]) -> list[Message]:
    """Return the parts that may be the root: the first, and those that are named."""
    try:
        start = str(plain.get_param("start", ""))
    except Exception:  # Python fails at broken parameters.
        start = ""
    ids = (str(_read_plainly(part).get("Content-ID")).strip("<> ") for part in parts)
    named = [part for part, name in zip(parts, ids, strict=True) if name in start]
    return [*parts[:1], *named]


def _read_plainly(message: Message) -> Message:
    plain = copy.copy(message)
    plain.policy = policy.compat32
    return plain


def _read_headers(message: Message) -> list[tuple[str, str]]:
    headers = ((name, str(value)) for name, value in message.raw_items())
    return [each for each in headers if each[0].lower() != _ENCODING]


def _read_content(message: Message) -> tuple[object, object]:
    plain = _read_plainly(message)
    return str(plain.get(_ENCODING)), plain.get_payload(decode=True)


def _find_codec(message: Message) -> str:
    """Return the codec that reads the part; Latin-1 is as good as any for the rest."""
    plain = _read_plainly(message)
    try:
        charset = plain.get_content_charset("us-ascii")
        string.printable.encode(charset)
        bytes(plain.get_payload(decode=True)).decode(charset)
        ours = codecs.lookup(charset).name.replace("-", "_") not in _NO_CHARSETS
    except Exception:
        return "latin-1"
    return charset if ours else "latin-1"


_NO_CHARSETS = ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape")


def _decode(message: Message, codec: str) -> str:
    content: Any = _read_plainly(message).get_payload(decode=True)
    return bytes(content or b"").decode(codec)


def _check_django(message: Message) -> None:
    multi = _make_django(message)
    before = _send(multi.message())
    track(multi, _LONG, text_links=True)
    tracked = track(multi, MARK, text_links=True)
    assert before is None or tracked.message().as_bytes()
    assert tracked.attachments == multi.attachments
    assert _compare_texts("plain", multi.body, tracked.body) == 0
    pixels = [
        _compare_texts("html", old, new)
        for (old, _), (new, _) in zip(
            multi.alternatives, tracked.alternatives, strict=True
        )
    ]
    assert sum(pixels[:-1]) == 0
    assert sum(pixels) <= 1


def _make_django(message: Message) -> EmailMultiAlternatives:
    multi = EmailMultiAlternatives("Hi")
    for part in _find_shown(message):
        text = _decode(part, _find_codec(part))
        if _read_plainly(part).get_content_subtype() == "html":
            multi.attach_alternative(text, "text/html")
        else:
            multi.body += text
    multi.attach("a.html", "<a href='https://shop.example/'>", "text/html")
    return multi


# -- texts ----------------------------------------------------------------------------


def _compare_texts(kind: str, before: str, after: str) -> int:
    """Compare a text and the tracked one; return the number of its pixels."""
    if kind == "html":
        found = [each for each in PIXEL.finditer(after) if _read(each[0])]
        for each in reversed(found):
            after = after[: each.start()] + after[each.end() :]
        assert _read_nodes(before) == _read_nodes(after), (before, after)
        return len(found)
    assert kind == "plain" or before == after
    undone = LINK.sub(lambda link: _read(link[0]) or link[0], after)
    assert undone == before, (before, after)
    return 0


def _read(text: str) -> str | None:
    """Return the target of a link that was made here, or the name of a pixel."""
    found = re.search(r"https://[\w./-]+", text)
    url = found[0] if found else text
    read = get_django_endpoint().read_url(url)
    if read is None or list(read[1].args) != [MARK]:
        return None
    assert len(url) <= LONG_URL
    return read[1].target or "pixel"


def _read_nodes(text: str) -> list[Any]:
    """Return all that is in HTML in order, the links as if they weren't tracked."""
    parser = etree.HTMLParser(target=_Nodes(), encoding="utf-8", huge_tree=True)
    nodes: list[Any] = etree.fromstring(text.encode("utf-8", "replace") + b" ", parser)
    return nodes


class _Nodes:
    """What lxml calls for each part of HTML."""

    def __init__(self) -> None:
        self._found: list[Any] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        found = dict(attributes)
        if "href" in found and (tag in ("a", "area") or tag[:2] == "v:"):
            found["href"] = _undo_tracking(found["href"])
        self._found.append((tag, found))

    def end(self, tag: str) -> None:
        self._found.append(tag)

    def data(self, text: str) -> None:
        self._found.append(("text", text))

    def comment(self, text: str) -> None:
        conditional = _CONDITIONAL.fullmatch(text)
        inner = _read_nodes(conditional[1]) if conditional else text
        self._found.append(("comment", inner))

    def close(self) -> list[Any]:
        return self._found


def _undo_tracking(value: str) -> str:
    """Return the URL that a browser reads there, or the one that a link leads to."""
    url = value.strip("".join(map(chr, range(0x21))))
    url = re.sub(r"[\t\r\n]", "", url)
    return (_read(url) if LINK.fullmatch(url) else None) or url


# -- mutation -------------------------------------------------------------------------


def mutate(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change a line as a line of MIME or of HTML, two times in three."""
    chance = random.Random(seed)
    if chance.random() < 1 / 3:
        return plain(data)
    lines = data.split(b"\r\n")
    place = chance.randrange(len(lines))
    chance.choice((_insert_line, _insert_piece, _copy_line))(lines, place, chance)
    if chance.random() < 0.3:
        del lines[chance.randrange(len(lines))]
    return b"\r\n".join(lines)


def _insert_line(lines: list[bytes], place: int, chance: random.Random) -> None:
    lines.insert(place, chance.choice(_LINES))


def _insert_piece(lines: list[bytes], place: int, chance: random.Random) -> None:
    piece = chance.choice(_PIECES).encode("utf-8", "replace") * chance.choice((1, 1, 9))
    at = chance.randrange(len(lines[place]) + 1)
    lines[place] = lines[place][:at] + piece + lines[place][at:]


def _copy_line(lines: list[bytes], place: int, chance: random.Random) -> None:
    lines.insert(chance.randrange(len(lines) + 1), lines[place])


_LINES = (
    b"",
    b"--b",
    b"--b--",
    b"--c",
    *(b"Content-Type: " + kind.encode() for kind in (
        *("text/html", "text/plain", "text/html; charset=utf-8", "message/rfc822"),
        *("multipart/mixed; boundary=b", "multipart/alternative; boundary=c"),
        *("multipart/signed; boundary=b", "multipart/digest; boundary=c", "text"),
        *(f'text/html; charset="{charset}"' for charset in hostile.CHARSETS),
    )),
    *(b"Content-Transfer-Encoding: " + each.encode() for each in hostile.ENCODINGS),
    b"Content-Disposition: attachment",
    b"Content-Disposition: inline; filename=a",
    b'Content-Type: multipart/related; boundary=b; start="<1@b>"',
    b"Content-ID: <1@b>",
    b"<blockquote>",
    b"List-Unsubscribe: <https://shop.example/>",
    b"PGEgaHJlZj0iaHR0cHM6Ly9zaG9wLmV4YW1wbGUvIj4=",
    b'<a href="https://shop.example/">',
)  # fmt: skip
_PIECES = (*hostile.HTML, *hostile.TEXT, *hostile.PARAMETERS, *hostile.BODIES)
