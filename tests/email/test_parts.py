"""The parts of a message that are tracked, and those that stay as they are."""

import email
import logging
from collections import deque
from collections.abc import Callable
from email import policy
from email.header import Header
from email.message import EmailMessage as StandardMessage
from email.message import Message
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from itertools import product
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import SafeMIMEText
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from ptrack.email import track
from tests.email.mailing import LINK, PIXEL

URL = "https://shop.example/"
HTML = f'<p><a href="{URL}">shop</a></p>'
PLAIN = f"See {URL}"
RULES = (policy.compat32, policy.default, policy.SMTP)
HAS_UNMARKED = hasattr(EmailMessage, "mixed_subtype")


def make_part(*headers: str, content: str = HTML) -> str:
    return "".join(f"{header}\r\n" for header in headers) + f"\r\n{content}"


def make_multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    """Return the source of a multipart; ``kind`` may have parameters."""
    inner = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"'
    return f"{head}\r\n\r\n{inner}--{boundary}--\r\n"


def find_tracked(message: Any) -> tuple[list[int], list[int]]:
    """Return the numbers of the parts with a pixel, and of those with a link."""
    texts = [
        (part.get_payload(decode=True) or b"").decode("utf-8", "surrogateescape")
        for part in message.walk()
        if not part.is_multipart()
    ]
    pixels = [number for number, text in enumerate(texts) if PIXEL.search(text)]
    return pixels, [number for number, text in enumerate(texts) if LINK.search(text)]


def check(source: str, pixels: list[int], links: list[int]) -> None:
    """Check the numbers of the parts that are tracked; the others keep their bytes."""
    # With a null character in a parameter, the parser of the other policies fails.
    for rules in RULES[: None if "\0" not in source else 1]:
        message = email.message_from_bytes(source.encode(), policy=rules)
        tracked = track(message, text_links=True)
        assert find_tracked(tracked) == (pixels, links)
        pairs = zip(message.walk(), tracked.walk(), strict=True)
        leaves = [pair for pair in pairs if not pair[0].is_multipart()]
        for number, (before, after) in enumerate(leaves):
            if number not in links:
                assert after.as_bytes() == before.as_bytes()


# -- attachments ----------------------------------------------------------------------

BODY = make_part("Content-Type: text/html")


@pytest.mark.parametrize("kind", ["html", "plain"])
@pytest.mark.parametrize(
    ("parameters", "disposition"),
    [
        ("", "attachment"),
        ("", "ATTACHMENT ; x=1"),
        ("", "inline; filename=a.html"),
        ("", 'INLINE; FILENAME="a; b.html"'),
        ("", "inline;\r\n filename=\r\n a.html"),
        ("", "inline; size=1; filename*=utf-8''%C3%A4.html"),
        ("", "inline; filename*0=a; filename*1=.html"),
        ("", "inline; FileName*0*=utf-8''%C3; filename*1*=%A4.html"),
        ("", "inline; filename*1=a"),
        ("", "inline; filename*=a; filename*0=b; filename*x=c"),
        ("", "inline; filename==?utf-8?q?a?="),
        ("", "; filename=a.html"),
        ("", "filename=a.html"),
        ("; name=a.html", None),
        ('; NAME="a.html"; charset=utf-8', None),
        ('; charset=utf-8; name="a"', "inline"),
        ("; name*=iso-8859-1''%E4.html", ""),
        ('; name*0="a"; name*1=".html"', "inline"),
        ("; name*0*=utf-8''a; name*1*=b", None),
        ("; name = a", None),
        ("; name*=x\0y''z", None),
        ("; name=a", 'inline; filename=""'),
        ("", "form-data"),
        ("", "x-own; a=b"),
        ("", "inlined"),
        ("", "none"),
    ],
)
def test_part_that_is_an_attachment_by_its_headers_stays(
    kind: str, parameters: str, disposition: str | None
):
    headers = [f"Content-Type: text/{kind}{parameters}"]
    if disposition is not None:
        headers.append(f"Content-Disposition: {disposition}")
    attached = make_part(*headers)
    check(make_multipart("mixed", BODY, attached), [0], [0])
    check(make_multipart("mixed", attached, BODY), [1], [1])
    check(attached, [], [])


@pytest.mark.parametrize(
    ("parameters", "disposition"),
    [
        ("", None),
        ("", ""),
        ("", "inline"),
        ("", " Inline ; x=1"),
        ("", '"inline"'),
        ("", "inline(as text)"),
        ("", 'inline; filename=""'),
        ("", 'inline; filename=" "'),
        ("", "inline; filename"),
        ("; name", None),
        ('; name=""', None),
        ("; x-name=a; names=b; rename*0=c", "inline; x-filename=a"),
        ("; charset=utf-8; format=flowed; title=name", None),
    ],
)
def test_part_without_a_file_name_is_in_the_mail(
    parameters: str, disposition: str | None
):
    headers = [f"Content-Type: text/html{parameters}"]
    if disposition is not None:
        headers.append(f"Content-Disposition: {disposition}")
    check(make_multipart("mixed", BODY, make_part(*headers)), [1], [0, 1])


def test_multipart_that_is_attached_stays_with_all_in_it():
    attached = make_multipart("alternative", BODY, boundary="c")
    for header in ("attachment", "inline; filename=a.mht", "x-own"):
        source = f"Content-Disposition: {header}\r\n{attached}"
        check(make_multipart("mixed", BODY, source), [0], [0])
        # The mail itself isn't attached to anything.
        check(f"Content-Disposition: {header}\r\n{attached}", [0], [0])


# -- multiparts -----------------------------------------------------------------------


def make_html(*headers: str) -> str:
    return make_part("Content-Type: text/html", *headers)


def make_other(kind: str, content: str = PLAIN) -> str:
    return make_part(f"Content-Type: {kind}", content=content)


FRAME = make_html("Content-ID: <frame@a.example>")
ROOT = make_html("Content-ID: <root@a.example>")
NAMED = make_html("Content-Disposition: inline; filename=a.html")
TEXT = make_other("text/plain")
MAIL = make_other("message/rfc822", BODY)
IMAGE = make_other("image/png")
ALTERNATIVE = make_multipart("alternative", TEXT, BODY, boundary="c")
MIXED = make_multipart("mixed", TEXT, BODY, boundary="c")
RELATED = make_multipart("related", BODY, FRAME, boundary="d")
SIGNED = make_multipart("signed", BODY, BODY, boundary="c")
START = 'related; start="<{}@a.example>"'


@pytest.mark.parametrize(
    ("kind", "parts", "pixels", "links"),
    [
        ("related", (BODY, FRAME), [0], [0]),
        ("related", (FRAME, ROOT), [0], [0]),
        (START.format("root"), (FRAME, ROOT), [1], [1]),
        ("related; start=root@a.example", (FRAME, ROOT), [1], [1]),
        ("related; START*=''%3Croot@a.example%3E", (FRAME, ROOT), [1], [1]),
        ('related; start*0="<root@"; start*1=a.example>', (FRAME, ROOT), [1], [1]),
        (START.format("none"), (ROOT, FRAME), [0], [0]),
        ('related; start=""', (BODY, ROOT), [0], [0]),
        ("related; start*=a\0b''c", (ROOT, FRAME), [0], [0]),
        ("RELATED; type=text/html", (TEXT, BODY), [], [0]),
        ("related", (ALTERNATIVE, FRAME), [1], [0, 1]),
        ("related", (MIXED, BODY), [1], [0, 1]),
        ("related", (RELATED, BODY), [0], [0]),
        ("related", (IMAGE, BODY), [], []),
        ("related", (NAMED, FRAME), [0], [0]),
        ("alternative", (TEXT, RELATED), [1], [0, 1]),
        ("mixed", (RELATED, BODY), [2], [0, 2]),
        ("mixed", (BODY, IMAGE, BODY), [2], [0, 2]),
        ("mixed", (BODY, NAMED), [0], [0]),
        ("x-own", (BODY, BODY), [1], [0, 1]),
        ("digest", (f"\r\n{BODY}",), [], []),
        ("report", (TEXT, make_other("message/delivery-status"), MAIL), [], [0]),
        ("report", (TEXT, make_other("text/rfc822-headers")), [], [0]),
        ("encrypted; protocol=application/pgp-encrypted", (TEXT, BODY), [], []),
        ("signed; protocol=application/pgp-signature", (ALTERNATIVE, BODY), [], []),
        ("mixed", (SIGNED, TEXT), [], [2]),
        ("mixed", (TEXT, MAIL), [], [0]),
        ("mixed", (make_other("message/external-body", BODY), TEXT), [], [1]),
        ("mixed", (TEXT, make_other("message/partial; id=1", BODY)), [], [0]),
        ("alternative", (TEXT, make_other("text/x-amp-html", HTML), BODY), [2], [0, 2]),
        ("alternative", (TEXT, make_other("text/calendar")), [], [0]),
        ("form-data", (make_html("Content-Disposition: form-data; name=a"),), [], []),
    ],
)
def test_texts_of_a_multipart_are_the_ones_that_are_shown(
    kind: str, parts: tuple[str, ...], pixels: list[int], links: list[int]
):
    check(make_multipart(kind, *parts), pixels, links)


def test_related_without_parts_has_no_texts():
    message = MIMEMultipart("related", boundary="b")
    assert track(message).as_bytes() == message.as_bytes()


# -- Django ---------------------------------------------------------------------------

HTML_ATTACHMENTS: tuple[Callable[[], Any], ...] = (
    lambda: ("a.html", HTML, "text/html"),
    lambda: (None, HTML, "text/html"),
    lambda: ("", HTML, "Text/HTML; charset=utf-8"),
    lambda: (None, PLAIN, "text/plain"),
    lambda: (None, HTML, 'text/html; name="a.html"'),
    lambda: (None, "{}", "application/json"),
    lambda: (None, HTML.encode(), "text/html"),
    lambda: MIMEText(HTML, "html", "utf-8"),
    lambda: MIMEText(PLAIN, "plain", "iso-8859-1"),
    lambda: MIMEMultipart("alternative", _subparts=[MIMEText(HTML, "html", "utf-8")]),
    lambda: MIMEMultipart(
        "related", _subparts=[MIMEText(HTML, "html"), MIMEText(HTML, "html")]
    ),
    lambda: MIMEImage(b"x", "png"),
    lambda: name(MIMEText(HTML, "html", "utf-8")),
)


def name(part: Message) -> Message:
    part.add_header("Content-Disposition", "inline", filename="a.html")
    return part


def attach(mail: EmailMessage, attachment: Any) -> None:
    if isinstance(attachment, Message):
        mail.attach(attachment)
    else:
        mail.attach(*attachment)


def read_leaves(message: Any) -> list[bytes]:
    return [part.as_bytes() for part in message.walk() if not part.is_multipart()][1:]


def compare(mail: Any) -> None:
    """Check that a mail is tracked as the message that Django makes of it."""
    before = read_leaves(mail.message())
    here = track(mail, text_links=True)
    there = track(mail.message(), text_links=True)
    assert find_tracked(here.message()) == find_tracked(there)
    assert len(read_leaves(here.message())) == len(before)
    assert read_leaves(mail.message()) == before


needs_mime_attachments = pytest.mark.filterwarnings(
    "ignore:MIMEBase attachments are deprecated"
)


@needs_mime_attachments
@pytest.mark.parametrize("make", HTML_ATTACHMENTS)
@pytest.mark.parametrize("body", ["", HTML])
@pytest.mark.parametrize("kind", ["plain", "html", "HTML", 'html; name="a.html"'])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_mail_of_django_is_tracked_as_the_message_it_makes(
    make: Callable[[], Any], body: str, kind: str, count: int
):
    mail = EmailMultiAlternatives("Hi", body)
    mail.content_subtype = kind
    for number in range(count):
        mail.attach_alternative(HTML, ("text/html; charset=utf-8", "text/html")[number])
    attach(mail, make())
    compare(mail)
    mail.attach("b.html", HTML, "text/html")
    compare(mail)
    attach(mail, make())
    compare(mail)


@pytest.mark.skipif(not HAS_UNMARKED, reason="Django 6 has no mixed_subtype")
@pytest.mark.parametrize("make", HTML_ATTACHMENTS)
@pytest.mark.parametrize("body", ["", HTML])
@pytest.mark.parametrize("alternative", [False, True])
def test_of_a_related_mail_of_django_the_first_part_is_the_body(
    make: Callable[[], Any], body: str, alternative: bool
):
    mail = EmailMultiAlternatives("Hi", body)
    mail.content_subtype = "html"
    mail.mixed_subtype = "related"
    if alternative:
        mail.attach_alternative(HTML, "text/html")
    attach(mail, make())
    attach(mail, make())
    compare(mail)
    attached = find_tracked(track(mail).message())[1]
    assert len(attached) <= 1 + (bool(body) and alternative)


@pytest.mark.skipif(not HAS_UNMARKED, reason="Django 6 has no alternative_subtype")
@pytest.mark.parametrize("body", ["", HTML])
@pytest.mark.parametrize("kind", ["text/html", 'text/html; name="a.html"'])
def test_of_related_alternatives_of_django_the_first_part_is_the_body(
    body: str, kind: str
):
    mail = EmailMultiAlternatives("Hi", body)
    mail.content_subtype = "html"
    mail.alternative_subtype = "related"
    mail.attach_alternative(HTML, kind)
    mail.attach_alternative(HTML, kind)
    compare(mail)
    assert find_tracked(track(mail).message()) == ([0], [0])


@needs_mime_attachments
def test_attached_parts_of_the_original_stay():
    mail = EmailMultiAlternatives("Hi", PLAIN)
    part = MIMEText(HTML, "html", "utf-8")
    mail.attach(part)
    before = part.as_bytes()
    tracked = track(mail)
    assert part.as_bytes() == before
    assert mail.attachments[0] is part
    assert find_tracked(tracked.message()) == ([1], [1])


def test_attachments_that_django_cannot_send_are_left_to_it():
    mail = EmailMultiAlternatives("Hi", HTML)
    mail.content_subtype = "html"
    odd = [
        ("a",),
        (None, HTML),
        None,
        7,
        "abc",
        (None, None, "text/html"),
        (None, 1, 2),
        (None, HTML, None),
        (None, HTML, ""),
        (None, HTML, "text"),
    ]
    mail.attachments = odd
    tracked = track(mail, text_links=True)
    assert tracked.attachments == odd
    assert PIXEL.search(tracked.body)


def test_alternatives_that_django_cannot_send_are_left_to_it():
    mail = EmailMultiAlternatives("Hi", HTML)
    mail.content_subtype = "html"
    odd = [(HTML,), None, 7, "ab", (HTML, None), (HTML, "text"), (None, "text/html")]
    mail.alternatives = odd
    tracked = track(mail)
    assert tracked.alternatives == odd
    assert PIXEL.search(tracked.body)


class OwnList(list[Any]):
    """A list as some libraries put into their mails."""


@needs_mime_attachments
@pytest.mark.parametrize("collect", [tuple, OwnList, deque, dict.fromkeys])
@pytest.mark.parametrize("attachment", [(None, HTML, "text/html"), MIMEText(HTML)])
def test_mail_of_django_may_have_its_parts_in_any_collection(
    collect: Callable[[Any], Any], attachment: Any
):
    mail = EmailMultiAlternatives("Hi", PLAIN)
    mail.attach_alternative(HTML, "text/html")
    attach(mail, attachment)
    mail.alternatives = collect(mail.alternatives)
    mail.attachments = collect(mail.attachments)
    compare(mail)


def test_alternative_with_a_very_long_type_stays(caplog: Any):
    mail = EmailMultiAlternatives("Hi", PLAIN)
    mail.attach_alternative(HTML, f"text/html; {'secret=1; ' * 1000}")
    assert track(mail).alternatives[0][0] == HTML
    assert "has a header Content-Type of more than" in caplog.text
    assert "secret" not in caplog.text


# -- charsets -------------------------------------------------------------------------

CHARSETS = (
    *("", "utf-8", "us-ascii", "latin-1", "unknown-8bit", "x-unknown", "utf8mb4"),
    *("unicode", "binary", "8bit", "7bit", "iso-8859-8-i", "utf-8-sig", "None", "?"),
    *("ansi_x3.110-1983", "hex", "rot13", "zlib", "bz2", "base64", "uu", "quopri"),
    *("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"),
    *("utf-7", "utf-16", "utf-16-le", "utf-32", "hz", "iso-2022-jp", "iso-2022-kr"),
    *("cp037", "shift_jis", "big5", "gb18030", "a\0b", "\u0660", "a" * 5000, '"'),
    *("utf-8''utf-8", "../utf_8", "encodings.utf_8", "é", " ", ";"),
)
BODIES = ("", HTML, "é", "\udcff", "\x1b(J", "+AGE-", "\ufeff<p>")
LINES = ("{0}", '"{0}"', '"{0}', "{0}; charset=utf-8")
PAYLOADS: tuple[Any, ...] = (None, "", b"", b"<p>", "\u20ac", "\udce4\u20ac", 7, [])


def check_never_fails(message: Any) -> None:
    """Check that a message is tracked or left as it is."""
    try:
        before = message.as_bytes()
    except Exception:  # Python can't send it, tracked or not.
        before = None
    tracked = track(message, text_links=True)
    try:
        assert message.as_bytes() == before
    except Exception:
        assert before is None
    if before is None:
        return
    if tracked.get_payload(decode=True) == message.get_payload(decode=True):
        assert tracked.as_bytes() == before
    else:
        tracked.as_bytes()


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("rules", RULES)
def test_parsed_text_in_any_charset_goes_out(charset: str, rules: Any):
    for line, body, encoding in product(LINES, BODIES, ("8bit", "base64", "x")):
        source = make_part(
            f"Content-Type: text/html; charset={line.format(charset)}",
            f"Content-Transfer-Encoding: {encoding}",
            content=body,
        ).encode("utf-8", "surrogateescape" if "\udcff" in body else "replace")
        check_never_fails(email.message_from_bytes(source, policy=rules))


@given(
    charset=st.sampled_from(CHARSETS) | st.text(max_size=9),
    body=st.sampled_from(BODIES) | st.text(max_size=9),
    kind=st.sampled_from(("html", "plain")),
)
def test_made_text_in_any_charset_goes_out(charset: str, body: str, kind: str):
    for make in (make_mime, make_safe, make_standard, make_plain):
        try:
            message = make(body, kind, charset)
        except Exception:  # Python or Django refuses to make it.
            continue
        check_never_fails(message)


def make_mime(body: str, kind: str, charset: str) -> Message:
    return MIMEText(body, kind, charset)


def make_safe(body: str, kind: str, charset: str) -> Message:
    return SafeMIMEText(body, kind, charset)


def make_standard(body: str, kind: str, charset: str) -> Message:
    message = StandardMessage()
    message.set_content(body, subtype=kind)
    message.set_param("charset", charset)
    return message


def make_plain(body: str, kind: str, charset: str) -> Message:
    message = Message()
    message["Content-Type"] = f'text/{kind}; charset="{charset}"'
    message.set_payload(body, charset)
    return message


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("encoding", ["", "base64", "quoted-printable", "x-uuencode"])
def test_text_part_with_an_odd_payload_goes_out(
    payload: Any, rules: Any, encoding: str
):
    message = email.message_from_string("Content-Type: text/html", policy=rules)
    message.set_payload(payload)
    if encoding:
        message["Content-Transfer-Encoding"] = encoding
    track(message, text_links=True)


HEADERS = (
    *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"),
    *("Content-ID", "List-Unsubscribe", "Subject"),
)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", ["text/html; charset=utf-8", "inline", "8bit", URL])
@pytest.mark.parametrize("make", [Header, lambda value: Header(value, "utf-8")])
def test_header_object_is_read_as_the_text_it_stands_for(
    name: str, value: str, make: Callable[[str], Header]
):
    sent = []
    for each in (make(value), value):
        message = MIMEText(HTML, "html", "utf-8")
        del message[name]
        message[name] = each
        sent.append(find_tracked(track(message)))
    assert sent[0] == sent[1]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", [None, 7, b"text/html", lazystr("inline")])
def test_header_with_a_value_of_any_kind_goes_out(name: str, value: Any):
    message = MIMEText(HTML, "html", "utf-8")
    del message[name]
    message[name] = value
    track(message, text_links=True)
    track(MIMEMultipart("related", _subparts=[message, message]), text_links=True)


# -- the log --------------------------------------------------------------------------

BASE64 = "Content-Transfer-Encoding: base64"
UTF_7 = make_part("Content-Type: text/html; charset=UTF7", content="<p>+AGE-</p>")
JAPANESE = make_part(
    'Content-Type: text/html; charset="ISO-2022-JP"', content="<p>\x1b(Ja\x1b(B</p>"
)
UTF_16 = make_part(
    "Content-Type: text/html; charset=utf-16", BASE64, content="PABwAD4A"
)
DAMAGED = make_part("Content-Type: text/html; charset=secret", f"{BASE64};")


def read_log(source: str, caplog: Any, **options: Any) -> list[str]:
    caplog.clear()
    track(email.message_from_bytes(source.encode()), **options)
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    assert "secret" not in caplog.text
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (UTF_7, "a text in utf-7 that"),
        (JAPANESE, "a text in iso2022_jp that"),
        (UTF_16, "a text in utf-16 that"),
        (DAMAGED, "Content-Transfer-Encoding isn't known"),
        (make_part("Content-Type: text/html", BASE64), "isn't that of its content"),
    ],
)
def test_text_that_stays_as_it_is_is_logged_once_for_a_mail(
    part: str, words: str, caplog: Any
):
    check(part, [], [])
    for source in (part, make_multipart("mixed", part, BODY, part, part)):
        (message,) = read_log(source, caplog)
        assert words in message
    plain = part.replace("text/html", "text/plain")
    assert read_log(plain, caplog) == []
    (message,) = read_log(plain, caplog, text_links=True)
    assert words in message


@needs_mime_attachments
def test_attached_texts_of_a_mail_of_django_are_logged_once(caplog: Any):
    mail = EmailMultiAlternatives("Hi", HTML)
    for _ in range(3):
        mail.attach(make_bad_mime())
    track(mail)
    assert len(caplog.records) == 1


def make_bad_mime() -> MIMEText:
    part = MIMEText(HTML, "html", "utf-8")
    part.replace_header("Content-Transfer-Encoding", "x-own")
    return part
