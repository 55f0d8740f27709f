"""ptrack.core.answers: the answers as values."""

import io

import pytest
from PIL import Image

from ptrack.core.answers import (
    GIF,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PIXEL,
    PIXEL_HEAD,
    img_tag,
)


def test_gif_is_a_valid_transparent_image_of_one_pixel():
    with Image.open(io.BytesIO(GIF)) as image:
        assert (image.format, image.size) == ("GIF", (1, 1))
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0
    assert GIF.startswith(b"GIF89a")
    assert len(GIF) <= 43


def test_pixel_is_not_cached_not_sniffed_and_loads_across_origins():
    headers = dict(PIXEL.headers)
    assert PIXEL.status == 200
    assert headers == {
        "Content-Type": "image/gif",
        "Content-Length": "43",
        "Cache-Control": "no-cache, no-store, must-revalidate, max-age=0, private",
        "Pragma": "no-cache",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }


def test_head_has_the_headers_of_get_and_no_body():
    assert PIXEL_HEAD.headers == PIXEL.headers
    assert (PIXEL_HEAD.status, PIXEL_HEAD.body) == (200, b"")


def test_other_methods_are_told_which_ones_are_allowed():
    assert METHOD_NOT_ALLOWED.status == 405
    assert ("Allow", "GET, HEAD") in METHOD_NOT_ALLOWED.headers


@pytest.mark.parametrize("answer", [PIXEL, METHOD_NOT_ALLOWED, NOT_FOUND])
def test_content_length_is_that_of_the_body(answer):
    assert dict(answer.headers)["Content-Length"] == str(len(answer.body))


def test_tag_is_the_img_and_escapes_the_url():
    assert img_tag("https://h/x/") == '<img src="https://h/x/" width=1 height=1>'
    assert img_tag('h"&') == '<img src="h&quot;&amp;" width=1 height=1>'
