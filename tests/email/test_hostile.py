"""Mails that are made to keep a program busy: each goes out, and soon.

``python -m tools.fuzz.growth`` measures more of them.
"""

import base64
import email
import logging
from email import policy
from typing import Any

import pytest
from django.core.mail import EmailMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from ptrack.email import html, text, track, track_html
from ptrack.email.mime import LONGEST_HEADER
from ptrack.endpoints import get_django_endpoint
from ptrack.shortcuts import pixel_url
from tests.email import hostile
from tests.email.mailing import LINK, PIXEL

# Mails of this length take long.
pytestmark = pytest.mark.once

TARGET = "https://shop.example/"
few = settings(max_examples=25)


def repeat_all(pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Return a strategy of a few of the pieces, over and over."""
    some = st.lists(st.sampled_from(pieces), min_size=1, max_size=5).map("".join)
    return some.map(lambda piece: hostile.repeat(piece, hostile.SIZE))


def check_html(content: str) -> None:
    with hostile.limit_time():
        tracked = track_html(content, clicks=False)
        html.find_urls(content)
    assert PIXEL.sub("", tracked) == content


@pytest.mark.parametrize("piece", hostile.HTML)
def test_html_of_one_piece_goes_out_soon(piece: str):
    check_html(hostile.repeat(piece, hostile.SIZE))


@few
@given(st.sampled_from(hostile.AROUND), repeat_all(hostile.HTML))
def test_html_of_any_pieces_goes_out_soon(around: tuple[str, str], middle: str):
    check_html(middle.join(around))


def check_text(content: str) -> None:
    message = EmailMessage("Hi", content)
    with hostile.limit_time():
        tracked = track(message, text_links=True).body
    pieces = LINK.split(tracked)
    at = 0
    for piece in pieces:
        at = content.index(piece, at) + len(piece)
    assert content.startswith(pieces[0])
    assert content.endswith(pieces[-1])


@pytest.mark.parametrize("piece", hostile.TEXT)
def test_text_of_one_piece_goes_out_soon(piece: str):
    check_text(hostile.repeat(piece, hostile.SIZE))


@few
@given(repeat_all(hostile.TEXT))
def test_text_of_any_pieces_goes_out_soon(content: str):
    check_text(content)


def test_many_encoded_labels_in_a_host_are_read_soon():
    """Each doubles the time of linkify-it."""
    url = "http://" + "xn--a." * 40 + "shop.example"
    with hostile.limit_time():
        assert text.find_urls(f"{url}_ {url}/")[-1].url == f"{url}/"
    assert text.find_urls("http://XN--a.example/xn--b")[0].url.endswith("/xn--b")


def test_word_with_too_many_urls_stays_as_it_is_and_is_logged(caplog):
    word = f"({TARGET})"
    long = word * (text.MOST_URLS + 1)
    found = text.find_urls(f"{word * text.MOST_URLS} {long} {word}")
    assert len(found) == text.MOST_URLS + 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "1 words with more than 10 URLs" in record.getMessage()
    assert TARGET not in caplog.text


def test_url_in_brackets_ends_there():
    content = f"<{TARGET}a><{TARGET}b>" * 20
    assert [each.url for each in text.find_urls(content)] == [
        f"{TARGET}a",
        f"{TARGET}b",
    ] * 20


@pytest.mark.parametrize("number", ["9" * 5000, "0" * 5000 + "65", "x" + "f" * 5000])
def test_reference_to_a_number_of_any_length_is_read(number: str):
    """Python refuses to read a decimal number of thousands of digits."""
    (url,) = html.find_urls(f'<a href="/&#{number};">')
    assert url == ("/A" if number.endswith("65") else "/\ufffd")


def test_host_of_marks_that_have_an_order_is_read_soon():
    """Python sorts them, in a time that grows with the square of their number."""
    url = f"http://e{hostile.repeat(hostile.MARKS, hostile.SIZE)}"
    endpoint = get_django_endpoint()
    with hostile.limit_time(2):
        assert track_html(f'<a href="{url}">', opens=False) == f'<a href="{url}">'
        assert endpoint.read_url(f"{url}/ptrack/a/") is None


def test_url_with_very_many_prefixes_is_read_soon():
    """Each may be the start of a token; nearly all are too far from the end."""
    endpoint = get_django_endpoint()
    url = f"https://e.example{hostile.repeat(endpoint.prefix, 5_000_000)}"
    with hostile.limit_time(2):
        assert len(list(endpoint.find_tokens(url))) < 2000
    token = pixel_url("a").partition(endpoint.prefix)[2]
    assert endpoint.read_url(f"{url[:-1]}{endpoint.prefix}{token}")[1].args == ("a",)


# -- messages -------------------------------------------------------------------------


def check_mail(source: bytes, rules: Any) -> None:
    try:
        message = email.message_from_bytes(source, policy=rules)
    except (LookupError, RecursionError):
        return  # The parser of Python fails, so there is no message to track.
    with hostile.limit_time():
        tracked = track(message, text_links=True)
    if rules is policy.compat32:
        tracked.as_bytes()


@pytest.mark.parametrize("rules", [policy.default, policy.compat32])
def test_mails_of_any_headers_and_bodies_go_out(rules: Any):
    """For longer ones, parsing the mail takes minutes before ptrack has it."""
    for _, source in hostile.make_mails(2000):
        check_mail(source, rules)


@pytest.mark.parametrize("rules", [policy.default, policy.compat32])
def test_long_mails_go_out_soon(rules: Any):
    for _, source in hostile.make_structures(hostile.SIZE // 4):
        check_mail(source, rules)


def test_deep_message_is_tracked_as_far_as_python_can_send_it():
    message = email.message_from_bytes(hostile.make_deep(150), policy=policy.default)
    sent = track(message).as_bytes()
    assert len(PIXEL.findall(sent.decode())) == 1
    assert PIXEL.sub("", sent.decode()) == message.as_bytes().decode()


@pytest.mark.parametrize("name", ["Content-Type", "content-disposition"])
def test_part_with_a_very_long_header_stays_as_it_is_and_is_logged(name: str, caplog):
    parts = "".join(
        f"--b\r\nContent-Type: text/html\r\n{header}\r\n\r\n<p>\r\n"
        for header in ("", f"{name}: text/html; {'secret=1; ' * LONGEST_HEADER}")
    )
    source = f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"
    message = email.message_from_bytes(source.encode())
    tracked = track(message)
    assert PIXEL.search(tracked.get_payload()[0].get_payload())
    assert tracked.get_payload()[1].get_payload() == "<p>"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"has a header {name} of more than 4000" in record.getMessage()
    assert "secret" not in caplog.text


def test_mail_with_a_very_long_list_unsubscribe_stays_as_it_is(caplog):
    """The links that must stay as they are aren't known."""
    targets = f"<{TARGET}>, " * LONGEST_HEADER
    source = f"List-Unsubscribe: {targets}\r\nContent-Type: text/html\r\n\r\n<p>"
    message = email.message_from_bytes(source.encode(), policy=policy.default)
    assert track(message).as_bytes() == message.as_bytes()
    assert "has a header List-Unsubscribe of more than" in caplog.text


@pytest.mark.parametrize("charset", sorted({*hostile.CHARSETS} - {"cp037"}))
def test_mail_in_any_charset_is_tracked_or_stays_as_it_is(charset: str):
    """Some of them are no charsets but codecs of Python."""
    source = hostile.make_part(charset, "8bit", f"<a href='{TARGET}'>\\u0041%")
    for rules in (policy.default, policy.compat32):
        message = email.message_from_bytes(source, policy=rules)
        before = message.as_bytes()
        sent = track(message).as_bytes()
        if charset in ("utf-16", "utf-7"):
            assert sent == before
        else:
            assert len(PIXEL.findall(sent.decode())) == 1
            assert len(LINK.findall(sent.decode())) == 1


def test_text_that_its_charset_reads_and_cannot_write_stays_as_it_is():
    """Python reads a character of Latin-1 there, and finds no way to write it."""
    body = base64.b64encode(b"<p>\x1b\xed(").decode()
    source = hostile.make_part("iso2022_jp", "base64", body)
    message = email.message_from_bytes(source)
    assert track(message).as_bytes() == message.as_bytes()


@pytest.mark.parametrize("more", ["a*0=b; a*=c", "charset*=x\0y''z", "charset"])
def test_parameters_that_python_fails_at_leave_the_charset_unknown(more: str):
    source = f"Content-Type: text/html; {more}\r\n\r\n<p>"
    tracked = track(email.message_from_bytes(source.encode()))
    assert PIXEL.sub("", tracked.get_payload()) == "<p>"
