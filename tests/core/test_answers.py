"""ptrack.core.answers: the answers as values."""

import io

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
