"""ptrack.email: the opens and clicks of whole mails."""

import re
from email.message import EmailMessage as StandardMessage
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client
from django.urls import set_script_prefix
from django.utils.safestring import SafeString, mark_safe
from hypothesis import given
from hypothesis import strategies as st

import ptrack
import ptrack.testing
from ptrack.email import TrackedTemplate, track, track_html
from tests.email.mailing import HOST, LINK, PIXEL, click_all, read_html, undo_tracking
from tests.processes import run_python

URL = "https://shop.example/a?b=1&c=2"
LINKED = '<body><a href="https://shop.example/a?b=1&amp;c=2">a</a></body>'


def count_links(text: str) -> int:
    return len(LINK.findall(text))


def count_pixels(text: str) -> int:
    return len(PIXEL.findall(text))


# -- texts ----------------------------------------------------------------------------


def test_pixel_and_links_carry_the_arguments(recorder, clicks):
    tracked = track_html(LINKED, "news", recipient=7)
    (token,) = PIXEL.findall(tracked)
    Client().get(f"/ptrack/{token}/")
    assert recorder.hits == [(("news",), {"recipient": 7})]
    assert click_all(tracked, clicks) == [URL]
    assert clicks.hits == [(URL, ("news",), {"recipient": 7})]
    assert undo_tracking(tracked, [URL.replace("&", "&amp;")]) == LINKED


@pytest.mark.parametrize(("opens", "clicks"), [(True, False), (False, True)])
def test_only_the_chosen_parts_are_tracked(opens: bool, clicks: bool):
    tracked = track_html(LINKED, opens=opens, clicks=clicks)
    assert (count_pixels(tracked), count_links(tracked)) == (opens, clicks)


def test_names_of_options_are_carried_by_the_template_or_in_a_dict():
    kwargs = {"opens": 1, "clicks": 2, "text_links": 3, "text": 4, "self": 5}
    (token,) = PIXEL.findall(TrackedTemplate("x").render(**kwargs))
    assert ptrack.PtrackEncoder.decrypt(token) == ([], kwargs)
    (token,) = PIXEL.findall(track_html("x", kwargs))
    assert ptrack.PtrackEncoder.decrypt(token) == ([kwargs], {})
    message = EmailMessage("Hi", "x")
    message.content_subtype = "html"
    (token,) = PIXEL.findall(track(message, message=1, text=2).body)
    assert ptrack.PtrackEncoder.decrypt(token) == ([], {"message": 1, "text": 2})


@pytest.mark.parametrize("attributes", [None, "", "alt=x"])
def test_pixel_is_one_that_screen_readers_pass_over_whatever_is_set(
    settings: Any, attributes: str | None
):
    settings.PTRACK_IMG_ATTRIBUTES = attributes
    tracked = track_html("x")
    assert re.fullmatch(
        rf'x<img src="{HOST}/ptrack/[\w-]+/" width="1" height="1" alt="">', tracked
    )
    assert len(ptrack.testing.tracked(tracked).pixels) == 1


def test_text_that_is_safe_stays_so_and_another_is_plain():
    class Own(str):
        """Built in a way of its own."""

        def __new__(cls, text: str, more: int) -> "Own":
            return super().__new__(cls, text)

    assert type(track_html(mark_safe(LINKED))) is SafeString
    assert type(track_html(LINKED)) is str
    assert type(track_html(Own(LINKED, 1))) is str


def test_links_to_the_same_target_are_the_same():
    first, second, third = LINK.findall(
        track_html('<a href="http://a.example"><a href=http://b.example>' * 2)
    )[:3]
    assert first == third != second


def test_quotation_marks_are_there_where_they_were_or_are_needed():
    tracked = track_html("<a href=http://a.example><a href='http://b.example'>")
    assert re.fullmatch(
        rf'<a href="{LINK.pattern}"><a href=\'{LINK.pattern}\'>{PIXEL.pattern}', tracked
    )


def test_url_is_escaped_for_the_attribute_that_it_is_in(monkeypatch):
    """The tokens of a custom encoder may have characters that HTML escapes."""

    class Odd(ptrack.PtrackEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> str:
            return "a&b'c"

    monkeypatch.setattr(ptrack, "ptrack_encoder", Odd)
    tracked = track_html("<a href='http://a.example'>", opens=False)
    assert tracked == f"<a href='{HOST}/ptrack/link/a&amp;b&#x27;c/'>"


@pytest.mark.parametrize(
    "url",
    [
        *("mailto:a@b.example", "tel:+1", "#top", "/a", "a", "//b.example/", "?a"),
        *("ftp://b.example/", "javascript:x", "data:,x", "about:blank", ""),
        *("https://", "http:///a", "https://[b.example/", "http://b.example:port/"),
        *("{{ url }}", "*|URL|*", "[[url]]", "%url%", "<% url %>", "${url}"),
        *("https://b.example/{{ a }}", "https://b.example/{% a %}", "https://*|A|*/"),
        *("https://b.example/[[a]]", "https://b.example/%a_b%", "https://${a}/"),
        *("https://b.example/<%= a %>", "https://b.example/%%a%%"),
        "https://b.example/\x01a",
        "https://b.example/\ud800",
        *(f"{HOST}/ptrack/x/", f"{HOST}/ptrack/link/x/", "http://WWW.example.com/ptrack/"),
    ],
)  # fmt: skip
def test_link_that_leads_to_no_target_stays_as_it_is(url: str):
    text = f"<p><a href='{url}'>x</a></p>"
    assert track_html(text, opens=False) == text


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/page/ptrack/",
        f"{HOST}/",
        "https://b.example/%7B%22a%22:1%7D?a[]=1&b=[c]|d",
        "https://b.example/100%?x=%C3%A9%aa%",
        "http://user@b.example:8080/;a#!/b?c",
        "HTTPS://b.example",
    ],
)
def test_absolute_links_of_http_are_targets_with_any_content(url: str, clicks):
    tracked = track_html(f'<a href="{url}">', opens=False)
    assert click_all(tracked, clicks) == [url]


def test_mail_that_is_off_is_not_tracked_at_all():
    text = LINKED.replace("<body>", '<body data-ptrack="off">')
    assert track_html(text) == text


def test_second_pixel_is_not_added():
    text = f"<body>{ptrack.pixel_tag('own')}<p></body>"
    assert track_html(text) == text
    other = text.replace(HOST, "https://other.example")
    assert count_pixels(track_html(other)) == 1


def test_below_a_mount_tracked_mail_is_not_tracked_again():
    set_script_prefix("/mounted/")
    try:
        tracked = track_html(LINKED)
        assert f"{HOST}/mounted/ptrack/link/" in tracked
        assert track_html(tracked) == tracked
        inside = f'<a href="{HOST}/ptrack/">'
        assert track_html(inside, opens=False) != inside
    finally:
        set_script_prefix("/")


def test_where_pixels_are_among_the_sites_pages_only_tokens_are_the_trackers(settings):
    settings.ROOT_URLCONF = "tests.urlconfs.root"
    page = f'<a href="{HOST}/page/">'
    once = track_html(page)
    assert once.startswith(f'<a href="{HOST}/link/')
    assert track_html(once) == once


@pytest.mark.parametrize("bad", [b"<p>", None, EmailMessage()])
def test_html_that_is_no_text_is_refused(bad: Any):
    with pytest.raises(TypeError, match=rf"not {type(bad).__name__}; .*ptrack.email"):
        track_html(bad)


def test_argument_that_cannot_be_carried_is_named():
    with pytest.raises(TypeError, match="keyword argument 'when' of type object"):
        track_html(LINKED, when=object())


@given(st.text(), st.booleans())
def test_any_text_is_unchanged_but_for_the_pixel(text: str, opens: bool):
    tracked = track_html(text, opens=opens, clicks=False)
    assert PIXEL.sub("", tracked) == text
    assert count_pixels(tracked) == opens


PIECES = st.sampled_from(
    [
        *("<a", " href=", '"', "'", ">", "<", "/", "=", "</a>", "</body>", "<!--"),
        "-->",
        *("<!--[if mso]>", "<![endif]-->", "<![", "]>", "<script>", "</script>", "<?"),
        *("https://shop.example/", " ", "\r\n", "&", "&amp;", "é", "data-ptrack=off"),
        *("<title>", "</title", "<p ", "<v:x", "--!>", "\x00", "\xa0"),
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join))
def test_in_any_markup_only_values_of_hrefs_are_replaced(text: str):
    """All around the links is as before, and each link stands for a target."""
    tracked = track_html(text, opens=False)
    # A quotation mark may have been put around the value, or have been there.
    around = [
        re.escape(piece.removeprefix('"').removesuffix('"'))
        for piece in LINK.split(tracked)
    ]
    value = '"?[^"\'<>]*shop[^"\'<>]*"?'
    assert re.fullmatch(f'"?{value.join(around)}"?', text)


# -- templates ------------------------------------------------------------------------


def test_template_is_parsed_once_for_many_mails(clicks):
    template = TrackedTemplate(LINKED)
    mails = [template.render(recipient=number) for number in range(3)]
    for number, text in enumerate(mails):
        assert click_all(text, clicks) == [URL]
        assert clicks.hits == [(URL, (), {"recipient": number})]
    assert len(set(mails)) == 3


def test_template_leaves_out_targets_and_leftovers():
    text = "<p>{{ name }} <a href='https://stay.example/'>x</a></p>"
    template = TrackedTemplate(text, untracked=["https://stay.example/"], opens=False)
    assert template.render().replace("{{ name }}", "Ada") == text.replace(
        "{{ name }}", "Ada"
    )


# -- messages -------------------------------------------------------------------------


def make_django_message(**more: Any) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Hi", f"See {URL}.", **more)
    message.attach_alternative(LINKED, "text/html")
    return message


def make_standard_message() -> StandardMessage:
    message = StandardMessage()
    message["Subject"] = "Hi"
    message.set_content(f"See {URL}.")
    message.add_alternative(LINKED, subtype="html")
    return message


def read_html_part(message: Any) -> str:
    if isinstance(message, EmailMultiAlternatives):
        return str(message.alternatives[0][0])
    return str(message.get_body(("html",)).get_content())


def read_plain_part(message: Any) -> str:
    if isinstance(message, EmailMultiAlternatives):
        return str(message.body)
    return str(message.get_body(("plain",)).get_content()).removesuffix("\n")


@pytest.mark.parametrize("make", [make_django_message, make_standard_message])
def test_message_comes_back_tracked_and_the_original_is_unchanged(make, clicks):
    message = make()
    tracked = track(message, "news", recipient=7)
    assert type(tracked) is type(message)
    assert read_html_part(message).strip() == LINKED
    assert click_all(read_html_part(tracked), clicks) == [URL]
    assert clicks.hits == [(URL, ("news",), {"recipient": 7})]
    assert count_pixels(read_html_part(tracked)) == 1
    assert read_plain_part(tracked) == f"See {URL}."
    assert read_html_part(track(tracked)) == read_html_part(tracked)


@pytest.mark.parametrize("make", [make_django_message, make_standard_message])
def test_links_of_plain_text_are_tracked_if_asked_for(make, clicks):
    tracked = track(make(), 7, opens=False, clicks=False, text_links=True)
    assert read_html_part(tracked).strip() == LINKED
    assert re.fullmatch(rf"See {LINK.pattern}\.", read_plain_part(tracked))
    assert click_all(read_plain_part(tracked), clicks) == [URL]
    assert clicks.hits == [(URL, (7,), {})]
    assert read_plain_part(track(tracked, text_links=True)) == read_plain_part(tracked)


def test_leftovers_and_unsubscribe_links_of_plain_text_stay():
    text = (
        "https://stay.example/u https://b.example/{{ id }}x https://b.example/?a=*|B|* "
        "https://b.example/%id% https://[b.example"
    )
    message = EmailMessage(
        "Hi", text, headers={"List-Unsubscribe": "<https://stay.example/u>"}
    )
    assert track(message, text_links=True).body == text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_body_of_a_django_message_is_tracked_if_it_is_html(kind: str):
    message = EmailMessage("Hi", LINKED)
    message.content_subtype = kind
    tracked = track(message)
    assert count_pixels(tracked.body) == count_links(tracked.body) == (kind == "html")


def test_targets_of_list_unsubscribe_stay():
    header = {"List-Unsubscribe": f"<{URL}>, <mailto:u@stay.example>"}
    assert count_links(read_html_part(track(make_django_message(headers=header)))) == 0
    message = make_standard_message()
    message["List-Unsubscribe"] = header["List-Unsubscribe"]
    assert count_links(read_html_part(track(message))) == 0
    assert count_pixels(read_html_part(track(message))) == 1


def test_of_several_html_parts_the_last_has_the_pixel():
    message = make_django_message()
    message.attach_alternative(LINKED, "text/html")
    first, last = (content for content, _ in track(message).alternatives)
    assert (count_pixels(first), count_pixels(last)) == (0, 1)
    assert (count_links(first), count_links(last)) == (1, 1)


def test_mail_without_html_comes_back_as_it_is():
    """A loop that sends mails needs no special case for it."""
    message = StandardMessage()
    message.set_content(f"See {URL}.")
    assert bytes(track(message)) == bytes(message)
    assert track(EmailMessage("Hi", URL)).body == URL


def test_part_that_has_nothing_to_track_keeps_its_encoded_form():
    message = StandardMessage()
    message.set_content("x", subtype="html", cte="quoted-printable")
    message.set_payload("=3Cp=3E\n")
    before = bytes(message)
    assert bytes(track(message, opens=False)) == before
    assert bytes(track(message)) != before


def test_object_that_is_no_message_is_refused():
    with pytest.raises(TypeError, match=r"not str; .*track_html"):
        track(LINKED)


def test_outside_django_nothing_of_django_is_imported():
    out = run_python(
        "import sys\n"
        "from email.message import EmailMessage\n"
        "from ptrack.email import track, track_html\n"
        "message = EmailMessage()\n"
        "message.set_content('<a href=\"https://shop.example\">', subtype='html')\n"
        "tracked = track(message, 1)\n"
        "assert track_html(tracked.get_content()) == tracked.get_content()\n"
        "print(tracked.get_content())\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'django'])\n",
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://h",
    )
    assert out.startswith('<a href="https://h/ptrack/link/')
    assert out.endswith("\n[]\n")


def test_template_renders_the_same_as_a_text_alone():
    text = read_html("mjml.html")
    template = TrackedTemplate(text)
    shape = LINK.sub("L", PIXEL.sub("P", template.render(1)))
    assert shape == LINK.sub("L", PIXEL.sub("P", track_html(text, 1)))
