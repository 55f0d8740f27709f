"""Links whose tracked URL would be too long stay as they are, and the mail goes out."""

import email
import logging
from email.charset import Charset
from email.message import EmailMessage as StandardMessage
from html import escape
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.test import override_settings
from django.urls import set_script_prefix

import ptrack
from ptrack.core.endpoint import LONG_URL
from ptrack.email import TrackedTemplate, track, track_html
from tests.email import hostile
from tests.email.mailing import LINK, PIXEL, click_all

pytestmark = pytest.mark.once

SHOP = "https://shop.example/"
ODD = {
    "plain": "a",
    "quotation marks": '"',
    "backslashes": "\\",
    "two bytes": "é",
    "three bytes": "中",
    "four bytes": "\U0001f600",
    "escapes": "%C3%A9",
    "tabs": "\t",
}


def make_link(target: str, quote: str = '"') -> str:
    return f"<a href={quote}{escape(target)}{quote}>x</a>"


def make_message(html: str, plain: str = "x") -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Hi", plain)
    message.attach_alternative(html, "text/html")
    return message


def find_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        each.getMessage() for each in caplog.records if "links" in each.getMessage()
    ]


def make_fitting(*args: Any, **kwargs: Any) -> str:
    """Return the longest target of which the tracked URL isn't too long."""
    target = SHOP
    while len(ptrack.link_url(f"{target}a", *args, **kwargs)) <= LONG_URL:
        target += "a"
    return target


@pytest.mark.parametrize("length", [3000, 6000, 100_000])
@pytest.mark.parametrize("piece", ODD.values(), ids=ODD)
def test_link_that_is_too_long_stays_with_one_warning(piece: str, length: int, caplog):
    long = make_link(f"{SHOP}{hostile.repeat(piece, length)}")
    # Browsers drop tabs.
    is_long = piece != "\t"
    text = f"{long}{long}{make_link(SHOP)}"
    tracked = track_html(text, 7, opens=False)
    assert len(LINK.findall(tracked)) == (1 if is_long else 3)
    if is_long:
        assert LINK.sub(SHOP, tracked) == text
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage().startswith("1 links of a mail go out untracked")
        assert "more than 2000 characters" in record.getMessage()
        assert "shop.example" not in caplog.text


@pytest.mark.parametrize("quote", ["'", ""])
def test_quotation_marks_of_a_link_that_stays_are_as_they_were(quote: str):
    text = make_link(f"{SHOP}{'a' * 3000}", quote) + make_link(SHOP, quote)
    tracked = track_html(text, opens=False)
    assert tracked.startswith(text[:3000])
    mark = quote or '"'
    assert LINK.sub("LINK", tracked).endswith(f"<a href={mark}LINK{mark}>x</a>")


@pytest.mark.parametrize("args", [(), ("a" * 700,), ("é" * 300,)], ids=len)
def test_limit_is_that_of_the_tracked_url(args: Any, caplog, clicks):
    target = make_fitting(*args, campaign=7)
    caplog.clear()
    tracked = track_html(make_link(target), *args, campaign=7, opens=False)
    # A token's length is a multiple of four.
    assert LONG_URL - 4 < len(LINK.findall(tracked)[0]) <= LONG_URL
    assert click_all(tracked, clicks) == [target]
    assert not caplog.records
    longer = make_link(f"{target}aaa")
    assert track_html(longer, *args, campaign=7, opens=False) == longer


def test_limit_counts_the_place_of_the_app():
    target = make_fitting()
    set_script_prefix("/mounted/")
    try:
        assert track_html(make_link(target), opens=False) == make_link(target)
    finally:
        set_script_prefix("/")


def test_host_of_any_characters_is_carried_or_stays(clicks):
    for host in ("bücher.example", "例え.テスト", "xn--bcher-kva.example", "☃.example"):
        assert click_all(track_html(make_link(f"https://{host}/é")), clicks)
        long = make_link(f"https://{host}/{'é' * 2000}")
        assert track_html(long, opens=False) == long


def test_mail_has_one_warning_for_all_its_parts(caplog):
    links = "".join(make_link(f"{SHOP}{number}{'a' * 3000}") for number in range(5))
    message = make_message(links, f"{SHOP}{'b' * 3000} {SHOP}{'c' * 9000} {SHOP}")
    message.attach_alternative(links + make_link(f"{SHOP}{'d' * 3000}"), "text/html")
    tracked = track(message, 7, text_links=True)
    assert LINK.sub(SHOP, tracked.body) == message.body
    assert [LINK.search(text) for text, _ in tracked.alternatives] == [None, None]
    (warning,) = find_warnings(caplog)
    assert warning.startswith("8 links of a mail")
    assert len(caplog.records) == 1


def test_mail_without_long_links_has_no_warning(caplog):
    track(make_message(make_link(SHOP), SHOP), text_links=True)
    assert not caplog.records


def test_template_measures_at_each_render(caplog):
    target = f"{SHOP}{'a' * 1000}"
    template = TrackedTemplate(make_link(target), opens=False)
    assert not caplog.records
    assert LINK.search(template.render("short"))
    assert not caplog.records
    assert template.render("a" * 1000) == make_link(target)
    assert len(find_warnings(caplog)) == 1
    assert LINK.search(template.render("short"))
    assert len(caplog.records) == 1


# -- arguments ------------------------------------------------------------------------

LONG_ARGUMENT = "a" * 5000


@pytest.mark.parametrize("length", [5, 900, 1900, 3900, 100_000])
@pytest.mark.parametrize(
    "options", [{}, {"opens": False}, {"text_links": True}], ids=str
)
def test_arguments_that_fit_into_a_pixel_are_no_error(
    length: int, options: Any, caplog
):
    target = f"{SHOP}{'b' * length}"
    message = make_message(make_link(target), target)
    tracked = track(message, LONG_ARGUMENT, **options)
    html = tracked.alternatives[0][0]
    assert PIXEL.sub("", html) == make_link(target)
    assert tracked.body == target
    assert len(PIXEL.findall(html)) == options.get("opens", True)
    assert len(find_warnings(caplog)) == 1


def test_arguments_that_fit_exactly_into_a_pixel_are_no_error():
    """With any target at all, they don't fit."""
    argument = LONG_ARGUMENT
    while True:
        try:
            ptrack.pixel_url(f"{argument}a")
        except ValueError:
            break
        argument += "a"
    assert track_html(make_link("http://a"), argument, opens=False) == make_link(
        "http://a"
    )
    with pytest.raises(ValueError, match="The token would have"):
        track_html(make_link("http://a"), f"{argument}aaa", opens=False)


@pytest.mark.parametrize("length", [0, 6000])
@pytest.mark.parametrize("options", [{}, {"opens": False}, {"clicks": False}], ids=str)
@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        ((object(),), {}, TypeError, "positional argument 1 of type object"),
        ((7, {1}), {}, TypeError, "positional argument 2 of type set"),
        ((), {"when": float("nan")}, ValueError, "keyword argument 'when'"),
        (("a" * 7000,), {}, ValueError, "The token would have"),
        ((), {":": 1}, ValueError, "is reserved"),
    ],
)
def test_arguments_that_cannot_be_carried_are_an_error(
    args: Any, kwargs: Any, error: Any, message: str, options: Any, length: int
):
    text = make_link(f"{SHOP}{'b' * length}")
    with pytest.raises(error, match=message):
        track(make_message(text), *args, **kwargs, **options)


@pytest.mark.parametrize("length", [0, 6000])
@pytest.mark.parametrize("name", ["PTRACK_APP_URL", "PTRACK_SECRET"])
def test_configuration_is_an_error(name: str, length: int):
    text = make_link(f"{SHOP}{'b' * length}")
    with override_settings(**{name: None}), pytest.raises(ImproperlyConfigured):
        track(make_message(text), opens=False)


# -- encoders -------------------------------------------------------------------------


class Limited(ptrack.PtrackEncoder):
    """An encoder that refuses long tokens in a way of its own."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        token = ptrack.PtrackEncoder.encrypt(*args, **kwargs)
        if len(token) > 1000:
            raise KeyError(token)
        return token


class Doubling(ptrack.PtrackEncoder):
    """An encoder whose tokens are longer than the server's limit soon."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return ptrack.PtrackEncoder.encrypt(*args, **kwargs) * 8


class Short(ptrack.PtrackEncoder):
    """An encoder that keeps the arguments elsewhere."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return "key"


@pytest.mark.parametrize("encoder", [Limited, Doubling])
def test_link_that_an_encoder_refuses_for_its_length_stays(
    encoder: Any, monkeypatch, caplog
):
    monkeypatch.setattr(ptrack, "ptrack_encoder", encoder)
    text = make_link(f"{SHOP}{'a' * 1000}") + make_link(f"{SHOP}{'b' * 3000}")
    tracked = track_html(f"{text}{make_link(SHOP)}", opens=False)
    assert tracked.startswith(text)
    assert len(LINK.findall(tracked)) == 1
    (warning,) = find_warnings(caplog)
    assert warning.startswith("2 links")
    assert "shop" not in caplog.text


def test_encoder_of_short_tokens_tracks_what_the_token_inside_can_hold(monkeypatch):
    monkeypatch.setattr(ptrack, "ptrack_encoder", Short)
    assert LINK.search(track_html(make_link(f"{SHOP}{'a' * 3000}")))


@pytest.mark.parametrize("result", [None, 7, "pixel/../x", "\ud800", "a" * 9000])
def test_encoder_that_returns_no_token_at_all_is_an_error(result: Any, monkeypatch):
    """It is the configuration's fault, and not the mail's."""

    class Broken(ptrack.PtrackEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> Any:
            return result

    monkeypatch.setattr(ptrack, "ptrack_encoder", Broken)
    with pytest.raises((TypeError, ValueError), match="The encoder returned"):
        track_html(make_link(SHOP), opens=False)


def test_encoder_that_refuses_all_links_is_an_error(monkeypatch):
    class Picky(ptrack.PtrackEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> str:
            if len(args) == 1:
                raise LookupError("no links")
            return ptrack.PtrackEncoder.encrypt(*args, **kwargs)

    monkeypatch.setattr(ptrack, "ptrack_encoder", Picky)
    with pytest.raises(LookupError, match="no links"):
        track_html(make_link(SHOP))


# -- whatever a mail contains ---------------------------------------------------------

TARGETS = (
    *("http://[", "http://[::1", "http://[::1]:x/", "http://[v1.x]/", "http://a:b/"),
    *("http://a:99999999/", "http://a:٣/", "http://a:-1/", "http://@", "http://:@:/"),
    *("http://\ud800", "https://a/\udfff"),
    *("https://a/\0", "\0https://a/", "https://a/&#0;"),
    *("https://a/&#xD800;", "https://a/&#1114112;"),
    *("https://a/&#99999999999;", "https://a/&"),
    *("https://a/&#16;b", "https://a/\x7f"),
    *("https://a/\x85", "https://a/\u2028", "https:a"),
    *("https:///a", "https://%00/"),
    *("https://a%2fb/", "https://a\\b", "https://⒈.example/"),
    *("https://\u2100.example/", "https://a\u200b/"),
    *("https://ＡＢ.example/", "HTTP://\u0130/"),
    *("https://xn--/", "https://xn--a\u0301/"),
    *(f"https://{'a.' * 300}", f"https://{'é' * 300}"),
    *("https://a/%", "https://a/%ff%fe"),
    *("https://a/%25%25%25", "https://a/\ufffe\uffff"),
    *("https://a/\u202e", "https://a b/"),
    *("https://a/ b", " https://a/ ", "https://a/\r\nb"),
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=ascii)
def test_mail_with_an_odd_target_goes_out(target: str):
    html = f'<a href="{target}">x</a><a href={target}>x</a><img src="{target}">'
    assert PIXEL.search(track_html(html))
    track(make_message(html, f"{target} ({target})"), text_links=True)
    message = StandardMessage()
    content = html.encode("utf-8", "surrogatepass")
    message.set_content(content, maintype="text", subtype="html")
    del message["Content-Disposition"]
    assert track(message, text_links=True).as_bytes()


@pytest.mark.parametrize("charset", ["us-ascii", "koi8-r", "iso2022_jp", "utf-8"])
def test_address_of_the_site_that_a_charset_lacks_is_no_error(charset: str, caplog):
    html = hostile.make_part(charset, "7bit", make_link(SHOP))
    plain = html.replace(b"html", b"plain")
    address = "https://bücher.example/é"
    with override_settings(PTRACK_APP_URL=address):
        sent = track(email.message_from_bytes(html)).as_bytes()
        written = address.replace("ü", "&#252;").replace("é", "&#233;")
        assert sent.count(written.encode()) == 2
        again = track(email.message_from_bytes(sent)).as_bytes()
        assert again == sent
        message = track(email.message_from_bytes(plain), text_links=True)
    if charset == "utf-8":
        assert address in message.get_payload(decode=True).decode()
    else:
        assert message.as_bytes() == email.message_from_bytes(plain).as_bytes()
        assert "its charset lacks a character of PTRACK_APP_URL" in caplog.text


@pytest.mark.parametrize(
    ("encoding", "default", "is_tracked"),
    [
        (None, "utf-8", True),
        (None, "latin-1", True),
        (None, "us-ascii", False),
        ("utf-8", "us-ascii", True),
        ("koi8-r", "utf-8", False),
        (Charset("utf-8"), "utf-8", True),
        (Charset("us-ascii"), "utf-8", False),
    ],
)
def test_address_that_the_encoding_of_a_django_mail_lacks_is_no_error(
    encoding: Any, default: str, is_tracked: bool, caplog
):
    mail = EmailMultiAlternatives("Hi", f"See {SHOP}")
    if isinstance(encoding, Charset) and not hasattr(mail, "mixed_subtype"):
        pytest.skip("Django 6 takes no Charset")
    mail.attach_alternative(make_link(SHOP), "text/html")
    mail.encoding = encoding
    address = "https://bücher.example"
    with override_settings(PTRACK_APP_URL=address, DEFAULT_CHARSET=default):
        tracked = track(mail, text_links=True)
        assert tracked.message().as_bytes()
    assert (address in tracked.body) == is_tracked
    assert tracked.alternatives[0][0].count("https://b&#252;cher.example/") == 2
    assert ("its charset lacks a character" in caplog.text) != is_tracked


@pytest.mark.parametrize("encoding", ["latin-1", "x-unknown"])
def test_django_mail_that_its_encoding_lacks_is_left_to_django(encoding: str):
    mail = EmailMultiAlternatives("Hi", f"\u20ac {SHOP}")
    mail.attach_alternative(f"\u20ac {make_link(SHOP)}", "text/html")
    mail.encoding = encoding
    tracked = track(mail, text_links=True)
    assert tracked.body == mail.body
    assert LINK.search(tracked.alternatives[0][0])


@pytest.mark.once
@pytest.mark.parametrize("length", [1900, 7000])
def test_many_long_links_go_out_soon(length: int, caplog):
    text = "".join(
        make_link(f"{SHOP}{number}{'a' * length}") for number in range(10_000)
    )
    with hostile.limit_time(30):
        assert track_html(text, opens=False) == text
    assert len(caplog.records) == 1


@pytest.mark.once
def test_one_very_long_link_goes_out_soon():
    text = make_link(f"{SHOP}{'a' * 10_000_000}")
    with hostile.limit_time(10):
        assert track_html(text, opens=False) == text
