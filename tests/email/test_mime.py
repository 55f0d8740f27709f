"""ptrack.email.mime: the texts of the standard library's messages."""

import base64
import email
import email.policy
import quopri
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from ptrack.email.mime import TextPart, copy_message, find_text_parts


def parse(*lines: str, body: bytes = b"") -> EmailMessage:
    """Parse a message from its headers and its body."""
    head = "".join(f"{line}\r\n" for line in lines)
    message = email.message_from_bytes(
        head.encode() + b"\r\n" + body, policy=email.policy.default
    )
    assert isinstance(message, EmailMessage)
    return message


def change(message: Message, old: str, new: str) -> None:
    part = TextPart(message)
    text = part.read()
    assert text is not None
    assert old in text
    part.replace(text.replace(old, new))


# -- finding --------------------------------------------------------------------------


def test_texts_that_are_shown_are_found_in_any_nesting():
    message = EmailMessage()
    message.set_content("plain")
    message.add_alternative("<p>html", subtype="html")
    message.add_attachment("attached", filename="a.txt")
    message.add_attachment("<p>attached", subtype="html", filename="a.html")
    message.add_attachment(b"x", maintype="image", subtype="png")
    inner = EmailMessage()
    inner.set_content("<p>forwarded", subtype="html")
    message.add_attachment(inner)
    assert [part.get_content() for part in find_text_parts(message)] == [
        "plain\n",
        "<p>html\n",
    ]


def test_signed_text_is_left_out():
    signed = MIMEMultipart("signed", protocol="application/pgp-signature")
    signed.attach(MIMEText("<p>", "html"))
    outer = MIMEMultipart("mixed", _subparts=[signed, MIMEText("footer")])
    assert [part.get_payload() for part in find_text_parts(outer)] == ["footer"]


@pytest.mark.parametrize("kind", ["text/html", "multipart/mixed", "text/plain"])
def test_message_that_is_broken_has_texts_or_none(kind: str):
    """Some have a body in the place of parts, or the reverse; one has no body."""
    message = parse(f"Content-Type: {kind}; boundary=b", body=b"--x\r\n\r\n<p>\r\n")
    assert len(list(find_text_parts(message))) == (kind != "multipart/mixed")
    message.set_payload([])
    assert list(find_text_parts(message)) == []
    empty = Message()
    assert [TextPart(part).read() for part in find_text_parts(empty)] == [""]


# -- reading and replacing ------------------------------------------------------------

TEXT = "<p>\xe4=\n.\ntrailing \n\nFrom here\x0c end" + "=" * 200 + "\n"


@pytest.mark.parametrize("encoding", ["quoted-printable", "BASE64", "8bit", "binary"])
@pytest.mark.parametrize("charset", ["utf-8", "ISO-8859-1", "unknown-8bit", "us-ascii"])
def test_text_is_replaced_in_its_charset_and_encoding(charset: str, encoding: str):
    """Headers stay as they are, and so do bytes that aren't of the charset."""
    data = TEXT.encode("latin-1" if charset == "ISO-8859-1" else "utf-8")
    encode = {"quoted-printable": quopri.encodestring, "BASE64": base64.encodebytes}
    message = parse(
        f'Content-Type: text/html; charset="{charset}"; x-more=1',
        "Content-Language: de",
        f"Content-Transfer-Encoding: {encoding}",
        "Content-Id: <1@sender.example>",
        body=encode.get(encoding, bytes)(data),
    )
    headers = message.items()
    change(message, "<p>", "<b>")
    assert message.items() == headers
    arrived = email.message_from_bytes(bytes(message))
    assert arrived.get_payload(decode=True) == data.replace(b"<p>", b"<b>")


@pytest.mark.parametrize("charset", ["unknown-8bit", "hex"])
def test_empty_text_is_replaced_in_an_unknown_charset_too(charset: str):
    message = parse(f"Content-Type: text/html; charset={charset}")
    change(message, "", "<p>")
    assert message.get_payload() == "<p>"


def test_text_whose_charset_is_no_superset_of_ascii_is_replaced_too():
    message = make_utf_16("<p>\u2028".encode("utf-16"))
    change(message, "<p>", "<b>")
    assert message.get_content() == "<b>\u2028"
    assert TextPart(make_utf_16(b"<\x00p\x00>")).read() is None


def make_utf_16(data: bytes) -> EmailMessage:
    return parse(
        "Content-Type: text/html; charset=utf-16",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(data),
    )


def test_text_that_could_not_be_written_back_is_none():
    """UTF-7 writes a character in two ways; the text doesn't keep the original one."""
    message = parse(
        "Content-Type: text/html; charset=utf-7",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(b"<p>+AGE-</p>"),
    )
    assert TextPart(message).read() is None


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("iso-2022-jp", b"\x1b$B\x2d\x21\x25<!<\x1b(B<p>"),
        ("ISO-2022-JP", b"\x1b(I<1\x1b(B<p>"),
        ("iso-2022-jp", b"<p>\x1b$B%<!<\x1b(B\xff"),
        ("iso-2022-cn", b"\x1b$)A\x0e=;<!\x0f<p>"),
        ("cp50220", b"\x1b$B%<!<\x1b(B<p>"),
        ("us-ascii", b"\x1b$@%<!<\x1b(B<p>"),
    ],
)
def test_bytes_that_only_look_like_markup_are_no_text(charset: str, data: bytes):
    """As ASCII, the first has a comment from the half of a character to the end."""
    message = parse(f"Content-Type: text/html; charset={charset}", body=data)
    part = TextPart(message)
    assert part.read() is None
    assert part.is_decoded
    assert part.codec == ("iso2022_jp" if "jp" in charset.lower() else "ascii")


@pytest.mark.parametrize(
    "charset", ["us-ascii", "iso-2022-jp", "utf-8", "unknown-8bit"]
)
@pytest.mark.parametrize(
    "data", [b"<p>\x1b[31mred\x1b(B\x1b[m", b"<p>\x1b", b"<p>$(I<"]
)
def test_escape_sequences_of_terminals_are_text(charset: str, data: bytes):
    message = parse(f"Content-Type: text/html; charset={charset}", body=data)
    change(message, "<p>", "<b>")
    assert message.get_payload() == data.replace(b"<p>", b"<b>").decode()


def test_line_end_of_its_own_kind_survives_quoted_printable():
    message = parse(
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        body=b"a=0Db\r\nc\r\n",
    )
    change(message, "a", "A")
    assert message.get_payload() == "A=0Db\r\nc\r\n"


def test_line_that_looks_like_the_start_of_a_mailbox_is_encoded():
    message = EmailMessage()
    message.set_content("x\n", cte="quoted-printable")
    change(message, "x", "From here\nFrom there, From")
    assert message.get_payload() == "=46rom here\n=46rom there, From\n"


@pytest.mark.parametrize("encoding", ["7bit", "8bit", None])
def test_lines_too_long_to_be_sent_are_encoded(encoding: str | None):
    message = parse(
        "Content-Type: text/plain; charset=utf-8",
        *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []),
        "X-Last: 1",
        body=b"x",
    )
    change(message, "x", "y" * 998)
    assert message.get("Content-Transfer-Encoding") == encoding
    change(message, "y", "ab")
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_content() == "ab" * 998
    assert max(map(len, bytes(message).splitlines())) < 100


@pytest.mark.parametrize(
    ("before", "encoding", "after"),
    [
        ("a", None, "quoted-printable"),
        ("a", "7bit", "quoted-printable"),
        ("a", "8bit", "8bit"),
        ("a", "binary", "binary"),
        ("\xe4", "7bit", "7bit"),
        ("\xe4", None, None),
    ],
)
def test_text_that_is_ascii_no_longer_is_not_sent_as_such(
    before: str, encoding: str | None, after: str | None
):
    message = parse(
        "Content-Type: text/plain; charset=utf-8",
        *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []),
        body=before.encode(),
    )
    change(message, before, f"{before}\xfc")
    assert message["Content-Transfer-Encoding"] == after
    assert message.get_payload(decode=True).decode() == f"{before}\xfc"


HTML = "<p>\xe4 = b</p>\n".encode()
BASE64 = base64.b64encode(HTML)


@pytest.mark.parametrize(
    "encoding",
    [
        *("quoted-printable;", "quoted-printable (x)", "base64;", '"base64"', "8 bit"),
        *("base 64", "quotedprintable", "q", "utf-8", "x-uuencode", "uuencode", ""),
        *(
            "base64, 8bit",
            "=?utf-8?q?base64?=",
            "base64\r\n 8bit",
            "binary=",
            "\xa08bit",
        ),
        *("gzip", "7-bit", "None", "base64\r\nContent-Transfer-Encoding: 8bit"),
        *("7bit\r\ncontent-transfer-encoding: quoted-printable", "a" * 5000),
    ],
)
@pytest.mark.parametrize("rules", [email.policy.default, email.policy.compat32])
def test_content_in_an_unknown_encoding_is_no_text(encoding: str, rules: Any):
    """Nobody knows what it stands for (RFC 2045, section 6.4)."""
    head = f"Content-Type: text/html\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    message = email.message_from_bytes(head.encode() + BASE64, policy=rules)
    part = TextPart(message)
    assert part.read() is None
    assert not part.is_decoded


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        *(("base64", each) for each in (BASE64[:-1], BASE64 + b"=", b"=" + BASE64)),
        *(("base64", each) for each in (BASE64 + b"\r\n-- \r\nlist", BASE64 * 2)),
        *(("base64", each) for each in (HTML, b"a", b"PHA+-_", b"PHA+\xff", b"PHA*")),
        *(
            ("quoted-printable", each)
            for each in (b"<a href=x>", b"=ZZ", b"=", b"a=4"[:2])
        ),
        *(
            ("quoted-printable", each)
            for each in (b"= \r\nx", b"=\rx", b"==3D", b"=\xe4")
        ),
    ],
)
def test_content_that_is_damaged_is_no_text(encoding: str, body: bytes):
    message = parse(
        "Content-Type: text/html; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        body=body,
    )
    part = TextPart(message)
    if body in (b"=", b"a="):
        # A line that goes on in the next one, which isn't there.
        assert part.read() == body[:-1].decode()
    else:
        assert part.read() is None
        assert not part.is_decoded


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        *(("base64", each) for each in (BASE64, BASE64 + b"\r\n\r\n", b"\t" + BASE64)),
        ("BASE64 ", b"\n ".join(BASE64[at : at + 1] for at in range(len(BASE64)))),
        ("\t Quoted-Printable", b"<p>=c3=A4 =3D b=\r\n</p>=0A"),
        *((" 8BIT\t", HTML), ("7bit", HTML), ("Binary", HTML)),
    ],
)
def test_content_in_a_known_encoding_is_read(encoding: str, body: bytes):
    message = parse(
        "Content-Type: text/html; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        body=body,
    )
    assert TextPart(message).read() == HTML.decode()


@pytest.mark.parametrize("payload", ["\u20ac", "\xe4", "\udce4\u20ac", b"<p>", 7])
def test_payload_that_cannot_be_sent_is_no_text(payload: Any):
    """Python reads some of them with escapes."""
    message = Message()
    message["Content-Type"] = "text/html; charset=utf-8"
    message.set_payload(payload)
    # Python makes text of bytes.
    assert TextPart(message).read() == ("<p>" if payload == b"<p>" else None)


# -- copies ---------------------------------------------------------------------------


def test_copy_is_another_message_with_the_same_content():
    message = EmailMessage()
    message["Subject"] = "Hi"
    message.set_content("plain")
    message.add_alternative("html", subtype="html")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="x.png")
    message.set_boundary("b")
    before = bytes(message)
    twin = copy_message(message)
    assert type(twin) is EmailMessage
    assert bytes(twin) == before
    twin.replace_header("Subject", "Ho")
    twin["X-More"] = "1"
    for part in twin.walk():
        part["X-Part"] = "1"
        if not part.is_multipart():
            part.set_payload("other")
    assert bytes(message) == before


def test_copy_of_a_custom_or_an_old_class_stays_of_that_class():
    class Own(EmailMessage):
        pass

    own, old = Own(), MIMEText("x")
    own.more = [1]
    assert type(copy_message(own)) is Own
    assert copy_message(own).more == [1]
    assert copy_message(own).more is not own.more
    assert bytes(copy_message(old)) == bytes(old)
