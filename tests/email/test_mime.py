"""ptrack.email.mime: the texts of the standard library's messages."""

import base64
import email
import email.policy
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from ptrack.email import mime


def raw(*lines: str, body: bytes = b"") -> EmailMessage:
    """Read a message from its headers and its body."""
    head = "".join(f"{line}\r\n" for line in lines)
    message = email.message_from_bytes(
        head.encode() + b"\r\n" + body, policy=email.policy.default
    )
    assert isinstance(message, EmailMessage)
    return message


def changed(part: Message, old: str, new: str) -> None:
    text = mime.text_of(part)
    assert text is not None
    assert old in text
    mime.put(part, text.replace(old, new))


# -- which ----------------------------------------------------------------------------


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
    assert [part.get_content() for part in mime.texts(message)] == [
        "plain\n",
        "<p>html\n",
    ]


def test_text_that_is_signed_is_none_of_them():
    signed = MIMEMultipart("signed", protocol="application/pgp-signature")
    signed.attach(MIMEText("<p>", "html"))
    outer = MIMEMultipart("mixed", _subparts=[signed, MIMEText("footer")])
    assert [part.get_payload() for part in mime.texts(outer)] == ["footer"]


@pytest.mark.parametrize("kind", ["text/html", "multipart/mixed", "text/plain"])
def test_message_that_is_broken_has_texts_or_none(kind: str):
    """A body where parts should be, parts where a body should be, no body at all."""
    message = raw(f"Content-Type: {kind}; boundary=b", body=b"--x\r\n\r\n<p>\r\n")
    assert len(list(mime.texts(message))) == (kind != "multipart/mixed")
    message.set_payload([])
    assert list(mime.texts(message)) == []
    empty = Message()
    assert [mime.text_of(part) for part in mime.texts(empty)] == [""]


# -- what -----------------------------------------------------------------------------

TEXT = "<p>\xe4=\n.\ntrailing \n\nFrom here\x0c end" + "=" * 200 + "\n"


@pytest.mark.parametrize("encoding", ["quoted-printable", "BASE64", "8bit", "binary"])
@pytest.mark.parametrize("charset", ["utf-8", "ISO-8859-1", "unknown-8bit", "us-ascii"])
def test_text_is_replaced_in_its_charset_and_encoding(charset: str, encoding: str):
    """Headers stay as they are, and so do bytes that aren't of the charset."""
    data = TEXT.encode("latin-1" if charset == "ISO-8859-1" else "utf-8")
    encode = mime._ENCODERS.get(encoding.lower(), bytes)
    message = raw(
        f'Content-Type: text/html; charset="{charset}"; x-more=1',
        "Content-Language: de",
        f"Content-Transfer-Encoding: {encoding}",
        "Content-Id: <1@sender.example>",
        body=encode(data),
    )
    headers = message.items()
    changed(message, "<p>", "<b>")
    assert message.items() == headers
    arrived = email.message_from_bytes(bytes(message))
    assert arrived.get_payload(decode=True) == data.replace(b"<p>", b"<b>")


def test_text_whose_charset_is_no_superset_of_ascii_is_replaced_too():
    message = utf_16("<p>\u2028".encode("utf-16"))
    changed(message, "<p>", "<b>")
    assert message.get_content() == "<b>\u2028"
    assert mime.text_of(utf_16(b"<\x00p\x00>")) is None


def utf_16(data: bytes) -> EmailMessage:
    return raw(
        "Content-Type: text/html; charset=utf-16",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(data),
    )


def test_text_that_could_not_be_put_back_is_none():
    """Two spellings of one character: there is no telling which it was."""
    message = raw(
        "Content-Type: text/html; charset=utf-7",
        "Content-Transfer-Encoding: base64",
        body=base64.b64encode(b"<p>+AGE-</p>"),
    )
    assert mime.text_of(message) is None


def test_line_end_of_its_own_kind_survives_quoted_printable():
    message = raw(
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        body=b"a=0Db\r\nc\r\n",
    )
    changed(message, "a", "A")
    assert message.get_payload() == "A=0Db\r\nc\r\n"


def test_what_looks_like_the_start_of_a_mailbox_is_encoded():
    message = EmailMessage()
    message.set_content("x\n", cte="quoted-printable")
    changed(message, "x", "From here\nFrom there, From")
    assert message.get_payload() == "=46rom here\n=46rom there, From\n"


@pytest.mark.parametrize("encoding", ["7bit", "8bit", None])
def test_lines_too_long_to_be_sent_are_encoded(encoding: str | None):
    message = raw(
        "Content-Type: text/plain; charset=utf-8",
        *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []),
        "X-Last: 1",
        body=b"x",
    )
    changed(message, "x", "y" * 998)
    assert message.get("Content-Transfer-Encoding") == encoding
    changed(message, "y", "ab")
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_content() == "ab" * 998
    assert max(map(len, bytes(message).splitlines())) < 100


def test_encoding_that_nobody_writes_any_more_becomes_base64():
    message = raw(
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: x-uuencode",
        body=b"begin 666 -\n#:&$A\n \nend\n",
    )
    changed(message, "!", "?")
    assert message["Content-Transfer-Encoding"] == "base64"
    assert message.get_content() == "ha?"


# -- copies ---------------------------------------------------------------------------


def test_copy_is_another_message_with_the_same_in_it():
    message = EmailMessage()
    message["Subject"] = "Hi"
    message.set_content("plain")
    message.add_alternative("html", subtype="html")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="x.png")
    message.set_boundary("b")
    before = bytes(message)
    twin = mime.copied(message)
    assert type(twin) is EmailMessage
    assert bytes(twin) == before
    twin.replace_header("Subject", "Ho")
    twin["X-More"] = "1"
    for part in twin.walk():
        part["X-Part"] = "1"
        if not part.is_multipart():
            part.set_payload("other")
    assert bytes(message) == before


def test_message_of_a_class_of_ones_own_or_of_old_stays_one():
    class Own(EmailMessage):
        pass

    own, old = Own(), MIMEText("x")
    own.more = [1]
    assert type(mime.copied(own)) is Own
    assert mime.copied(own).more == [1]
    assert mime.copied(own).more is not own.more
    assert bytes(mime.copied(old)) == bytes(old)
