"""ptrack.core.answers: the answers as values."""

import io
from html.parser import HTMLParser

import pytest
from PIL import Image

from ptrack.core.answers import (
    GIF,
    LINK_NOT_FOUND,
    NOT_FOUND,
    PIXEL_IMAGE,
    REDIRECT,
    Answer,
    drop_body,
    make_not_allowed,
    redirect_to,
)
from ptrack.core.pages import Text, make_page


def test_gif_is_a_valid_transparent_image_of_one_pixel():
    with Image.open(io.BytesIO(GIF)) as image:
        assert (image.format, image.size) == ("GIF", (1, 1))
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0
    assert GIF.startswith(b"GIF89a")
    assert len(GIF) <= 43


def test_pixel_is_not_cached_not_sniffed_and_loads_across_origins():
    assert (PIXEL_IMAGE.status, PIXEL_IMAGE.body) == (200, GIF)
    assert dict(PIXEL_IMAGE.headers) == {
        "Content-Type": "image/gif",
        "Content-Length": "43",
        "Cache-Control": "no-cache, no-store, must-revalidate, max-age=0, private",
        "Pragma": "no-cache",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


def test_answer_to_head_has_the_headers_of_get_and_no_body():
    head = drop_body(PIXEL_IMAGE)
    assert (head.status, head.reason) == (200, "OK")
    assert head.headers == PIXEL_IMAGE.headers
    assert head.body == b""


def test_answer_to_other_methods_lists_the_allowed_ones_and_is_not_cached():
    answer = make_not_allowed(["GET", "HEAD", "POST"])
    assert answer.status_line == "405 Method Not Allowed"
    assert ("Allow", "GET, HEAD, POST") in answer.headers
    assert "no-store" in answer.header_map["Cache-Control"]


@pytest.mark.parametrize(
    "answer",
    [PIXEL_IMAGE, LINK_NOT_FOUND, NOT_FOUND, REDIRECT, make_not_allowed(["GET"])],
    ids=lambda answer: answer.reason,
)
def test_content_length_is_the_length_of_the_body(answer):
    assert answer.header_map["Content-Length"] == str(len(answer.body))


def test_answer_is_there_in_the_forms_that_wsgi_and_asgi_take():
    answer = Answer(200, "OK", (("X-Name", "vält"), ("A", "b")), b"")
    assert answer.status_line == "200 OK"
    assert answer.header_map == {"X-Name": "vält", "A": "b"}
    assert answer.header_bytes == ((b"x-name", b"v\xe4lt"), (b"a", b"b"))


def test_redirect_leads_to_its_target_and_is_otherwise_the_given_one():
    answer = redirect_to("https://ü.example/ä b?c=%20#d")
    assert answer.headers == (
        *REDIRECT.headers,
        ("Location", "https://%C3%BC.example/%C3%A4%20b?c=%20#d"),
    )
    assert (answer.status, answer.reason, answer.body) == (302, "Found", b"")
    other = Answer(303, "See Other", (("X-A", "b"),), b"there")
    answer = redirect_to("https://h.example/", other)
    assert answer.headers == (("X-A", "b"), ("Location", "https://h.example/"))
    assert (answer.status, answer.reason, answer.body) == (303, "See Other", b"there")


# -- the page for a link --------------------------------------------------------------


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def page() -> Page:
    found = Page()
    found.feed(LINK_NOT_FOUND.body.decode())
    return found


def test_page_for_a_link_is_html_for_a_phone(page: Page):
    assert LINK_NOT_FOUND.status == 404
    assert LINK_NOT_FOUND.body.startswith(b"<!doctype html>\n")
    assert LINK_NOT_FOUND.header_map["Content-Type"] == "text/html; charset=utf-8"
    assert LINK_NOT_FOUND.header_map["Content-Language"] == "en"
    assert ("html", {"lang": "en"}) in page.tags
    metas = [attrs for tag, attrs in page.tags if tag == "meta"]
    viewport = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    assert viewport in metas
    assert {"charset": "utf-8"} in metas
    assert len(LINK_NOT_FOUND.body) < 2000


def test_page_for_a_link_says_what_happened_and_what_helps(page: Page):
    text = " ".join(page.texts)
    assert text.count("This link can't be followed") == 2
    assert "incomplete" in text
    assert "copy the whole address" in text
    assert "ask the sender" in text


def test_page_for_a_link_loads_and_runs_nothing(page: Page):
    names = {tag for tag, _ in page.tags}
    assert not names & {"a", "img", "script", "link", "iframe", "form", "base"}
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert attributes == {"lang", "charset", "name", "content"}
    assert b"url(" not in LINK_NOT_FOUND.body
    policy = LINK_NOT_FOUND.header_map["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert LINK_NOT_FOUND.header_map["Referrer-Policy"] == "no-referrer"
    assert LINK_NOT_FOUND.header_map["X-Content-Type-Options"] == "nosniff"
    assert LINK_NOT_FOUND.header_map["X-Robots-Tag"] == "noindex"
    assert LINK_NOT_FOUND.header_map["Cache-Control"] == "no-store"


def test_text_of_a_page_is_escaped():
    made = make_page(Text("de", "<a> & b", "x < y", ("'<'",))).decode()
    assert '<html lang="de">' in made
    assert "<title>&lt;a&gt; &amp; b</title>" in made
    assert "<li>'&lt;'</li>" in made
