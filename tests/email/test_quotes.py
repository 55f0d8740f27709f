"""Mails that quote an older tracked mail, in a reply or a forward."""

from email.message import EmailMessage as StandardMessage
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

import ptrack
from ptrack.email import TrackedTemplate, track, track_html
from ptrack.email.html import read_outline
from tests.email.mailing import HOST, LINK, PIXEL

pytestmark = pytest.mark.once

HEADER = "<b>From:</b> A<br><b>Sent:</b> Monday<br><b>Subject:</b> Hi"
OLD = '<p>Old <a href="https://shop.example/">shop</a>.</p>'
LINE = "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"

# "OLD" is the older mail.
IN_ELEMENTS = (
    "<p>New</p><blockquote>OLD</blockquote>",
    '<p>New</p><blockquote type="cite"><blockquote>a</blockquote>OLD</blockquote>',
    '<div>New</div><BLOCKQUOTE TYPE=CITE CITE="mid:1@a.example">OLD</BLOCKQUOTE><br>',
    '<blockquote type="cite" id="qt" style="">OLD</blockquote><p>New, below</p>',
    "<p>1</p><blockquote><p>a</p></blockquote><p>2</p><blockquote>OLD</blockquote>3",
    (
        'New<br><div class="gmail_quote gmail_quote_container"><div dir="ltr" '
        'class="gmail_attr">On Monday, A wrote:<br></div><blockquote '
        'class="gmail_quote" style="margin:0">OLD</blockquote></div>'
    ),
    'New<div class="gmail_extra"><br><div class="gmail_quote">On:OLD</div></div>',
    '<div class="gmail_quote">---------- Forwarded message ----------<br>OLD</div>',
    '<div>New</div><div class="x_gmail_quote"><div><div>a</div>OLD</div></div>',
    '<div>New</div><div class="gmail-m_-12gmail_quote">OLD</div><div>below</div>',
    'New<div id="yahoo_quoted_12" class="yahoo_quoted"><div>a</div>OLD</div>',
    'New<div class="ydp1yahoo_quoted">OLD</div>',
    'New<div class="protonmail_quote">On Monday<blockquote>OLD</blockquote></div>',
    'New<div class="moz-forward-container">---- Forwarded Message ----OLD</div>',
    'New<div class="zmail_extra"><div id="Zm-_Id_-Sgn1">a</div>OLD</div>',
    'New<div name="quote" style="margin:10px"><div name="quoted">OLD</div></div>',
    'New<div name="messageReplySection">OLD</div>',
    '---- Forwarded<div class="js-helper js-readmsg-msg">OLD</div>',
    f'New<span id="OLK_SRC_BODY_SECTION"><span>{HEADER}</span><div>OLD</div></span>',
    "New<table><tr><td class='gmail_quote'><table><tr><td></table>OLD</td></table>",
    "<!--[if mso]><p>New</p><![endif]--><blockquote>OLD</blockquote>",
)
TO_THE_END = (
    f'New<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">{HEADER}</div>OLD',
    f'New<hr tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">{HEADER}</div><p>OLD</p>',
    f'New<div id="x_divRplyFwdMsg">{HEADER}</div><div>OLD</div>',
    f'New<div id="m_-418appendonsend"/><hr><div>{HEADER}</div><div>OLD</div>',
    f'New<div><div style="{LINE}">{HEADER}</div></div>OLD',
    f"New<div><div style='{LINE.replace(';', '; ').upper()}'>{HEADER}</div></div>OLD",
    (
        'New<div style="border-right:none;border-top:1pt solid rgb(225,225,225);'
        f'padding:3pt 0in 0in"><p>{HEADER}</p></div><p>OLD</p>'
    ),
    (
        'New<div style="padding: 3pt 0in 0in; border-width: 1pt medium medium; '
        f'border-style: solid none none;"><div>{HEADER}</div></div><div>OLD</div>'
    ),
    (
        'New<div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); '
        f'border-top-width: 1px; border-top-style: solid;">{HEADER}</div>OLD'
    ),
    f'New<div style="border:none;border-top:solid #E1E1E1 1.0pt">{HEADER}</div>OLD',
    f"New<div style='border:none; border-top:solid #B5C4DF 1.0pt;'>{HEADER}</div>OLD",
    f'New<div style="border-top:solid #e1e1e1">{HEADER}</div><p>OLD</p>',
    f'New<div style="border-top:1pt solid rgb(225, 225, 225)">{HEADER}</div>OLD',
    f'New<div style="border:none;border-top:solid #123456 1.0pt">{HEADER}</div>OLD',
    'New<div id="mail-editor-reference-message-container"><div>a</div>OLD</div>',
    f'New<div class="ms-outlook-mobile-reference-message">{HEADER}</div><div>OLD</div>',
    "New<div class=MsoNormal align=center><hr size=3 tabindex=-1></div>OLD",
    f'New<hr id="stopSpelling">{HEADER}<br>OLD',
    f'<p>New</p><a name="_MailOriginal"></a><p>{HEADER}</p>OLD',
    'New<hr id="zwchr" data-marker="__DIVIDER__"><div>OLD</div>',
    'New<hr data-marker="__DIVIDER__"><div>OLD</div>',
)
# Outlook's header, which nothing but its bold labels marks.
LABELS = (
    *(("From:", "Sent:"), ("Von:", "Gesendet:"), ("De&nbsp;:", "Envoyé&nbsp;:")),
    *(("De :", "Envoy&eacute; :"), ("De:", "Enviado el:"), ("De:", "Enviada em:")),
    *(("Da:", "Inviato:"), ("Van:", "Verzonden:"), ("Från:", "Skickat:")),
    *(("Fr&aring;n:", "Skickat:"), ("Fra:", "Sendt:"), ("Lähettäjä:", "Lähetetty:")),
    *(("Od:", "Wysłane:"), ("Od:", "Odesláno:"), ("Feladó:", "Elküldve:")),
    *(("Kimden:", "Gönderildi:"), ("От:", "Отправлено:"), ("差出人:", "送信日時:")),
    *(
        ("发件人:", "发送时间:"),
        ("寄件者：", "寄件日期："),
        ("보낸 사람:", "보낸 날짜:"),
    ),
    ("FROM: ", "SENT: "),
)
BARE = (
    "<div>New</div><p>{}</p>OLD",
    "<p>New</p><div><div>{}</div></div><div>OLD</div>",
    "<p>New</p><p class=MsoNormal><font face=Calibri><span>{}</span></font></p>OLD",
    "New<table><tr><td>{}</td></tr></table>OLD",
    "New<br><br>{}<br>OLD",
)
BOLD = (
    "<b>{}</b> A &lt;a@b.example&gt;<br>\n",
    "<strong>{}</strong> A<br>",
    '<B style="font-weight:bold">{}</B> A<br/>',
    '<b><span lang=EN-US style="font-size:11.0pt">{}</span></b><span> A<br></span>',
)
HEADERS = (
    *("".join(BOLD[0].format(label) for label in labels) for labels in LABELS),
    *("".join(bold.format(label) for label in LABELS[0]) for bold in BOLD),
)
TO_THE_END += tuple(BARE[0].format(header) for header in HEADERS)
TO_THE_END += tuple(bare.format(HEADERS[1]) for bare in BARE)
AROUND = (*IN_ELEMENTS, *TO_THE_END)
ENDS = ("{}", "<html><body>{}</body></html>", "<body>{}</body>\n")


def read_args(text: str) -> list[Any]:
    return [ptrack.PtrackEncoder.decrypt(token)[0] for token in PIXEL.findall(text)]


def quote(around: str, old: str, end: str = ENDS[1]) -> str:
    return end.format(around.replace("OLD", old))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("around", AROUND)
def test_reply_gets_its_own_pixel_and_loses_the_older_mails(around: str, end: str):
    old = track_html(OLD, "old")
    reply = quote(around, old, end)
    tracked = track_html(reply, "new")
    assert read_args(tracked) == [["new"]]
    # The older link is another mail's, and stays.
    assert LINK.findall(tracked) == LINK.findall(old)
    assert PIXEL.sub("", tracked) == quote(around, PIXEL.sub("", old), end)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("around", AROUND)
def test_tracked_reply_is_not_tracked_again(around: str, end: str):
    """With whatever arguments: the pixel that was set is outside the quotation."""
    tracked = track_html(quote(around, track_html(OLD, "old"), end), "new")
    assert track_html(tracked, "new") == tracked
    assert track_html(tracked, "other") == tracked


@pytest.mark.parametrize("around", AROUND)
def test_thread_of_replies_has_the_last_ones_pixel(around: str):
    first, second = f"<div>{OLD}</div>", around
    text = track_html(first, 1)
    for number in range(2, 5):
        text = track_html(quote(second, text), number)
        assert read_args(text) == [[number]]


@pytest.mark.parametrize("around", IN_ELEMENTS)
def test_quoted_html_of_a_whole_document_is_no_end_of_the_mail(around: str):
    old = track_html(f"<html><body>{OLD}</body></html>", "old")
    tracked = track_html(quote(around, old, "{}"), "new")
    assert read_args(tracked) == [["new"]]
    assert track_html(tracked, "other") == tracked


@pytest.mark.parametrize(
    "src",
    [
        f"{HOST}/ptrack/unreadable/",
        f"http://WWW.Example.com/ptrack/{'a' * 64}/",
        f"https://ci3.googleusercontent.com/meips/a=s0-d-e1-ft#{HOST}/ptrack/abc/",
        f" {HOST}/ptrack/a&#98;c/ ",
    ],
)
@pytest.mark.parametrize(
    "form", ['src="{}"', "width='1' SRC='{}' alt", 'alt="" src="{}"/']
)
def test_any_pixel_of_ours_in_a_quotation_goes(src: str, form: str):
    """One whose secret is gone, and one behind Gmail's image proxy, too."""
    image = f"<img {form.format(src)}>"
    text = f"<body>New<blockquote>a{image}b</blockquote></body>"
    tracked = track_html(text, "new")
    assert PIXEL.sub("", tracked) == text.replace(image, "")
    assert read_args(tracked) == [["new"]]


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://other.example/ptrack/abc/">',
        f'<img src="https://other.example/?u={HOST}/ptrack/abc/">',
        f'<img alt="{HOST}/ptrack/abc/" src="cid:1">',
        f"<!-- <img src='{HOST}/ptrack/abc/'> -->",
        f'<img src="{HOST}/static/logo.png">',
    ],
)
def test_other_images_in_a_quotation_stay(image: str):
    text = f"<body>New<blockquote>{image}</blockquote></body>"
    assert PIXEL.sub("", track_html(text)) == text


SAME = (
    (("news", 7), {"a": {"b": [1, None], "c": 1.5}}),
    ((), {}),
    (("é\u2028",), {"x": True}),
)
DIFFERENT = (((1,), {}), ((True,), {}), ((1.0,), {}), (("1",), {}), ((), {"a": 1}))


@pytest.mark.parametrize(("args", "kwargs"), SAME)
def test_quoted_pixel_with_the_same_arguments_means_that_it_is_tracked(args, kwargs):
    """It may be this mail, tracked before it was put into a quotation."""
    own = ptrack.pixel_tag(*args, **dict(reversed(kwargs.items())))
    text = f"<body>New<blockquote>{own}{ptrack.pixel_tag('old')}</blockquote></body>"
    assert track_html(text, *args, **kwargs) == text
    assert read_args(track_html(text, "new")) == [["new"]]


@pytest.mark.parametrize("first", range(len(DIFFERENT)))
@pytest.mark.parametrize("second", range(len(DIFFERENT)))
def test_arguments_of_another_type_are_others(first: int, second: int):
    (args, kwargs), (other, others) = DIFFERENT[first], DIFFERENT[second]
    text = f"<blockquote>{ptrack.pixel_tag(*args, **kwargs)}</blockquote>"
    assert (track_html(text, *other, **others) == text) == (first == second)


@pytest.mark.parametrize("bad", [{1: 2, "a": 3}, object(), float("nan"), [[]]])
def test_argument_that_cannot_be_carried_is_named_in_a_reply_too(bad: Any):
    if bad == [[]]:
        bad.append(bad)
    text = f"<blockquote>{ptrack.pixel_tag()}</blockquote>"
    with pytest.raises((TypeError, ValueError), match="keyword argument 'bad'"):
        track_html(text, bad=bad)


def test_pixel_outside_the_quotation_means_that_it_is_tracked():
    own, quoted = ptrack.pixel_tag("own"), ptrack.pixel_tag("old")
    quoted = f"<blockquote>{quoted}</blockquote>"
    for text in (f"<body>{own}{quoted}</body>", f"<body>{quoted}{own}</body>"):
        assert track_html(text, "new") == text


@pytest.mark.parametrize("around", ['<div data-ptrack="off">{}</div>', "<p>{}</p>"])
def test_mail_that_gets_no_pixel_keeps_the_older_ones(around: str):
    text = (
        f"<body>New<blockquote>{around.format(ptrack.pixel_tag(1))}</blockquote></body>"
    )
    assert track_html(text, 2, opens=False) == text
    off = text.replace("<body>", "<body data-ptrack=off>")
    assert track_html(off, 2) == off
    assert read_args(track_html(text, 2)) == [[2]]


def test_template_decides_for_each_mail():
    text = f"<body>New<blockquote>{ptrack.pixel_tag(to=1)}</blockquote></body>"
    template = TrackedTemplate(text)
    assert template.render(to=1) == text
    tracked = template.render(to=2)
    assert PIXEL.sub("", tracked) == "<body>New<blockquote></blockquote></body>"
    assert [
        ptrack.PtrackEncoder.decrypt(each)[1] for each in PIXEL.findall(tracked)
    ] == [{"to": 2}]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("<body>New<blockquote>a</blockquote></body>", "</body>"),
        ("<body>New<blockquote>a</body>", "<blockquote>"),
        ("<body>New<div class=gmail_quote><div>a</div></body>", "<div class=gmail"),
        ("<body>New<hr tabindex=-1>a<blockquote>b</blockquote></body>", "<hr"),
        ("<body>New<blockquote></body></blockquote>b", ""),
        ("<body>New</body><blockquote>a", "</body>"),
        ("<body class='gmail_quote'>a</body>", "</body>"),
        ("<p>a<br class='gmail_extra'><img id=appendonsend>b", ""),
        ("<!--[if mso]><blockquote><![endif]-->a", ""),
        ("a</blockquote></div><p>", ""),
        ("<div style='padding:3.0pt 0in'>a</div>b", ""),
        ("<div style='border-top:solid 1px; padding: 4px'>a</div>b", ""),
        ("<div style='border-top:solid 1px #eeeeee'>a</div>b", ""),
        ("<div style='border-top:1px solid #e1e1e1'>a</div>b", ""),
        ("<p style='border-top:solid #E1E1E1 1.0pt'>a</p>b", ""),
        ("<hr tabindex=0><hr>", ""),
        ("<p>a</p><p><b>From:</b> A<br><b>Sent:</b> B</p>c", "<b>From"),
        (
            "<b>From:</b> A <b>From:</b> B <b>Sent:</b> C <b>Sent:</b> D",
            "<b>From:</b> B",
        ),
        ("<p><b>Sent:</b> A<br><b>From:</b> B</p>c", ""),
        ("<p><b>From:</b> Rome<br><b>To:</b> Paris<br><b>Date:</b> May 1</p>c", ""),
        ("<p>From: A<br>Sent: B</p>c", ""),
        ("<p><b>From Rome:</b> A<br><b>Sent by post:</b> B</p>c", ""),
        ("<p><b>From:</b> A</p>" + "a" * 2000 + "<p><b>Sent:</b> B</p>c", ""),
        ("<p title='<b>From:</b><b>Sent:</b>'>a</p>b", ""),
        ("<!-- <b>From:</b><b>Sent:</b> -->b", ""),
        ("<style><b>From:</b><b>Sent:</b></style>b", ""),
    ],
)
def test_pixel_is_before_a_quotation_that_reaches_to_the_end(text: str, before: str):
    end = read_outline(text).end
    assert text[end:].startswith(before)
    assert before or end == len(text)


def test_quotation_that_outlook_alone_shows_loses_its_pixel_too():
    old = ptrack.pixel_tag("old")
    text = f"<body>New<blockquote><!--[if mso]>{old}<![endif]--></blockquote></body>"
    tracked = track_html(text, "new")
    assert PIXEL.sub("", tracked) == text.replace(old, "")
    assert read_args(tracked) == [["new"]]


# -- messages -------------------------------------------------------------------------


def make_mails(*texts: str) -> list[Any]:
    """Return Django's and the standard library's mail of some HTML texts."""
    django = EmailMultiAlternatives("Hi", "plain")
    standard = StandardMessage()
    standard.set_content("plain")
    for text in texts:
        django.attach_alternative(text, "text/html")
        standard.add_alternative(text, subtype="html")
    return [django, standard]


def read_texts(mail: Any) -> list[str]:
    message = mail if isinstance(mail, StandardMessage) else mail.message()
    return [
        part.get_payload(decode=True).decode().removesuffix("\n")
        for part in message.walk()
        if part.get_content_subtype() == "html"
    ]


@pytest.mark.parametrize("around", AROUND)
def test_replies_of_both_libraries_get_their_own_pixel(around: str):
    for mail in make_mails(quote(around, track_html(OLD, "old"))):
        tracked = track(mail, "new")
        assert read_args(*read_texts(tracked)) == [["new"]]
        assert read_texts(track(tracked, "other")) == read_texts(tracked)


def test_of_several_html_parts_all_lose_the_older_pixels():
    old = ptrack.pixel_tag("old")
    text = f"New<blockquote>{old}</blockquote>"
    for mail in make_mails(text, text):
        first, last = read_texts(track(mail, "new"))
        assert first == text.replace(old, "")
        assert read_args(last) == [["new"]]


def test_mail_with_a_pixel_in_any_html_part_is_tracked():
    own, old = ptrack.pixel_tag("own"), ptrack.pixel_tag("old")
    texts = [f"New{own}", f"New<blockquote>{old}</blockquote>"]
    for mail in make_mails(*texts):
        assert read_texts(track(mail, "new")) == texts
        assert read_texts(track(mail, "old")) == texts
