"""ptrack.email: tracking that the HTML switches off is off in the plain text too."""

from email import message_from_string, policy
from email.message import EmailMessage as StandardMessage
from html import escape
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from ptrack.email import TrackedTemplate, track
from ptrack.email.html import read_outline
from tests.email.mailing import LINK, PIXEL

STAYS = "https://stay.example/?a=1&b=2"
OTHER = "https://shop.example/"
TEXT = f"Here: {STAYS}. Or there: {OTHER}\n"
OFF = (
    '<a href="https://stay.example/?a=1&amp;b=2" data-ptrack="off">',
    "<a href='https://stay.example/?a=1&b=2' rel='nofollow unsubscribe'>",
    '<p data-ptrack="off"><a href="https://stay.example/?a=1&#38;b=2"></p>',
    '<p class="ptrack-off"><b><a href="HTTPS://Stay.Example/?a=1&amp;b=2"></b></p>',
    '<a class="ptrack-off" href="https://stay.example/?a=%31&b=2">',
    '<area data-ptrack=off href="https://stay.example/?a=1&b=2">',
    (
        '<!--[if mso]><v:rect class=ptrack-off href="https://stay.example/?a=1&b=2"/>'
        "<![endif]-->"
    ),
    (
        '<p class=ptrack-off><!--[if mso]><a href="https://stay.example/?a=1&b=2">'
        "<![endif]--></p>"
    ),
)


def make_django(text: str, *htmls: str) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Hi", text)
    for html in htmls:
        message.attach_alternative(html, "text/html")
    return message


def make_standard(text: str, *htmls: str) -> StandardMessage:
    message = StandardMessage()
    message.set_content(text)
    for html in htmls:
        message.add_alternative(html, subtype="html")
    return message


def make_nested(text: str, *htmls: str) -> StandardMessage:
    """Return a mail whose plain text and whose HTML aren't in the same part."""
    message = StandardMessage()
    message.make_mixed()
    for content, subtype in ((text, "plain"), *((html, "html") for html in htmls)):
        part = StandardMessage()
        part.set_content(content, subtype=subtype)
        part.make_related()
        message.attach(part)
    return message


def read_texts(message: Any, subtype: str) -> list[str]:
    if isinstance(message, EmailMultiAlternatives):
        if subtype == "plain":
            return [str(message.body)]
        return [str(content) for content, _ in message.alternatives]
    return [
        part.get_content()
        for part in message.walk()
        if part.get_content_type() == f"text/{subtype}"
    ]


def track_text(make: Any, *htmls: str, **options: Any) -> str:
    message = track(make(TEXT, *htmls), text_links=True, **options)
    (text,) = read_texts(message, "plain")
    return text


@pytest.fixture(params=[make_django, make_standard, make_nested])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("options", [{}, {"opens": False, "clicks": False}])
def test_target_that_is_off_in_the_html_is_off_in_the_text(make, off, options):
    tracked = track_text(make, f"<p>{off}x</a>", **options)
    assert LINK.sub(OTHER, tracked) == TEXT
    assert len(LINK.findall(tracked)) == 1


def test_target_that_is_on_and_off_in_the_html_is_off_in_the_text(make):
    htmls = f"<a href='{STAYS}'>", f"<a href='{STAYS}' class=ptrack-off>"
    for order in (htmls, htmls[::-1]):
        assert STAYS in track_text(make, "".join(order))
        assert STAYS in track_text(make, *order)


@pytest.mark.parametrize(
    ("href", "spelling"),
    [
        # In a text, the URL may be found to end inside it.
        *(
            (each, each)
            for each in ("日本", "日本/", "?q=한국", "a–b", "a’b", "🎉", "a)")
        ),
        *(
            (each, each)
            for each in ("a(b", "a…", "a`b", "a b", "a|b", "日本の長い長い名前")
        ),
        *(
            ("日本", "%E6%97%A5%E6%9C%AC"),
            ("%E6%97%A5%E6%9C%AC", "日本"),
            ("é", "%C3%A9"),
        ),
        *(("?a=1&b=2", "?a=1&#38;b=2"), ("?a=b/c", "?a&#x3D;b&#x2F;c"), ("a#", "a")),
    ],
)
@pytest.mark.parametrize("around", ["{}", "A: {} b", "<{}>", "「{}」", "{}。", "{}\nb"])
def test_spelling_of_a_target_that_is_off_is_off(href, spelling, around):
    url, other = f"https://stay.example/{href}", f"https://stay.example/{spelling}"
    text = around.format(other)
    html = f'<a href="{escape(url)}" rel=unsubscribe>x</a>'
    assert track(make_django(text, html), text_links=True).body == text


@pytest.mark.parametrize("off", ["//stay.example/?a=1", "https://stay.example?a=1"])
def test_target_that_is_off_without_a_scheme_or_a_path_is_off(off):
    text = "https://stay.example/?a=1\n"
    html = f"<a href='{off}' data-ptrack=off>"
    assert track(make_django(text, html), text_links=True).body == text


@pytest.mark.parametrize(
    "text", ["URL", "URL b", "URLをご覧", "URL日", "(URL)", "URLb"]
)
def test_start_of_a_target_that_is_off_is_tracked(text):
    html = "<a href='https://stay.example/日本' data-ptrack=off>"
    text = text.replace("URL", "https://stay.example/")
    tracked = track(make_django(text, html), text_links=True).body
    assert len(LINK.findall(tracked)) == 1


@pytest.mark.parametrize("tag", ["body", "html"])
@pytest.mark.parametrize("switch", ["data-ptrack=off", "class='a PTRACK-OFF'"])
def test_of_a_mail_that_is_off_nothing_of_the_text_is_tracked(make, tag, switch):
    off = f"<{tag} {switch}><p></{tag}>"
    assert track_text(make, off) == TEXT
    assert track_text(make, off, f"<a href='{OTHER}'>") == TEXT


def test_target_of_list_unsubscribe_is_read_as_a_reader_would(make):
    message = make(f"https://stay.example/%7Eme?a&amp;b. {OTHER}\n", "<p>")
    if isinstance(message, EmailMultiAlternatives):
        message.extra_headers["List-Unsubscribe"] = "<https://Stay.example/~me?a&b>"
    else:
        message["List-Unsubscribe"] = "<https://Stay.example/~me?a&b>"
    (text,) = read_texts(track(message, text_links=True), "plain")
    assert text.startswith("https://stay.example/%7Eme?a&amp;b. ")
    assert len(LINK.findall(text)) == 1


def test_text_of_a_mail_without_switches_is_tracked(make):
    on = f"<p data-ptrack='on' class='ptrack ptrack-offer off'><a href='{STAYS}'>"
    assert len(LINK.findall(track_text(make, on))) == 2


# -- the class ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        '<a class="ptrack-off" href="x">',
        "<a class=ptrack-off href=x>",
        "<A CLASS='button\n\tPtrack-Off  big' HREF=x>",
        '<a class="button&#32;ptrack-off" href="x">',
        '<area class="ptrack-off" href="x">',
        '<v:roundrect class="ptrack-off" href="x"/>',
        '<div class="ptrack-off"><div></div><table><tr><td><a href="x"></div>',
        '<td class="ptrack-off"><!--[if mso]><a href="x"><![endif]--></td>',
        '<!--[if mso]><td class="ptrack-off"><a href="x"></td><![endif]-->',
        '<a href="x"><body class="ptrack-off"></body><a href="x">',
        '<p data-ptrack=off><body class="ptrack-off"></p><a href="x">',
    ],
)
def test_class_switches_off(html):
    outline = read_outline(html)
    assert outline.hrefs == []
    assert outline.off_urls == {"x"}


@pytest.mark.parametrize(
    "html",
    [
        '<a class="ptrack-offer" href="x">',
        '<a class="no-ptrack-off" href="x">',
        '<a class="ptrack off" href="x">',
        '<a class="" href="x">',
        '<a class href="x">',
        '<a id="ptrack-off" href="x">',
        '<a data-class="ptrack-off" href="x">',
        '<br class="ptrack-off"><a href="x">',
        '<img class="ptrack-off"/><a href="x">',
        '<b class="ptrack-off"></b><a href="x">',
        '<div class="ptrack-off"/><a href="x">',
    ],
)
def test_other_classes_switch_nothing_off(html):
    outline = read_outline(html)
    assert [href.url for href in outline.hrefs] == ["x"]
    assert outline.off_urls == set()


def test_mail_is_off_if_its_body_for_outlook_is():
    html = "<!--[if mso]><body class=ptrack-off><![endif]--><p></body>"
    assert TrackedTemplate(html).render() == html
    assert track_text(make_django, html) == TEXT


@pytest.mark.parametrize("switch", ["data-ptrack=off", "class=ptrack-off"])
def test_mail_that_is_off_has_neither_links_nor_a_pixel(switch):
    html = f"<html><a href='{OTHER}'><body {switch}></body><a href='{OTHER}'></html>"
    template = TrackedTemplate(html)
    assert template.render() == html
    assert template.off
    assert template.off_urls == {OTHER}


# -- text that OpenPGP has signed or encrypted ----------------------------------------

SIGNED = f"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

See {OTHER} and
- - a list
-----BEGIN PGP SIGNATURE-----

iQEzBAEBCAAdFiEE
=abcd
-----END PGP SIGNATURE-----
"""
ENCRYPTED = f"-----BEGIN PGP MESSAGE-----\nComment: {OTHER}\n\nhQEM\n"


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        ENCRYPTED,
        f"Hi\n\n{SIGNED}\n{OTHER}\n",
        f"Hi\n{SIGNED}".replace("\n", "\r\n"),
        f"Hi\r{SIGNED}".replace("\n", "\r"),
        "".join(f"> {line}" for line in SIGNED.splitlines(True)),
        "".join(f">> > {line}" for line in SIGNED.splitlines(True)),
        f"\ufeff{SIGNED}",
        f"  {SIGNED}",
        "- " + SIGNED,
        f"See {OTHER}\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n",
        ENCRYPTED.replace("MESSAGE", "MESSAGE, PART 1/2"),
    ],
)
def test_signed_text_stays_as_it_is(text):
    message = make_django(text, f"<p><a href='{OTHER}'>")
    tracked = track(message, text_links=True)
    assert tracked.body == text
    # The HTML beside it isn't signed.
    assert len(LINK.findall(tracked.alternatives[0][0])) == 1


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_signed_part_keeps_its_bytes(encoding):
    message = StandardMessage()
    message.set_content(SIGNED, cte=encoding)
    part = StandardMessage()
    part.set_content(f"{OTHER}\n")
    message.make_mixed()
    message.attach(part)
    before = message.as_bytes()
    sent = track(message, text_links=True).as_bytes()
    assert sent != before
    (link,) = LINK.findall(sent.decode())
    assert sent.replace(link.encode(), OTHER.encode()) == before


@pytest.mark.parametrize(
    "start",
    [
        *(
            "<pre>",
            "<html><body>\n",
            "<p>Hi<br/>\r\n",
            "<pre>Hi\n",
            "<blockquote>&gt; ",
        ),
        "<div>&nbsp;",
    ],
)
def test_html_with_signed_text_stays_as_it_is(start):
    html = f"{start}{SIGNED}</pre><a href='{OTHER}'>x</a>"
    assert TrackedTemplate(html).render() == html
    tracked = track(make_django("x", "<p>Hi</p>", html))
    first, last = (content for content, _ in tracked.alternatives)
    assert last == html
    assert len(PIXEL.findall(first)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"It begins with -----BEGIN PGP SIGNED MESSAGE-----, see {OTHER}",
        f"-----END PGP SIGNATURE-----\n{OTHER}",
        f"----BEGIN PGP SIGNED MESSAGE----\n{OTHER}",
        f"-----BEGIN CERTIFICATE-----\n{OTHER}",
    ],
)
def test_other_text_is_tracked(text):
    tracked = track(make_django(text), text_links=True).body
    assert len(LINK.findall(tracked)) == 1


# -- lines that are joined ------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ("format=flowed; delsp=yes", 1),
        ("DelSp=Yes; format=flowed", 1),
        ("format=flowed; delsp=no", 2),
        ("format=flowed", 2),
        ("delsp*0=b; delsp*=c", 2),
    ],
)
def test_url_that_is_broken_over_lines_stays_as_it_is(parameters, count):
    source = f"Content-Type: text/plain; {parameters}\n\n{OTHER}long- \nurl {OTHER}\n"
    for rules in (policy.compat32, policy.default):
        tracked = track(message_from_string(source, policy=rules), text_links=True)
        assert len(LINK.findall(tracked.get_payload())) == count
