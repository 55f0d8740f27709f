"""ptrack.email.text: the URLs of a plain text."""

import pytest

from ptrack.email.text import find_urls
from tests.processes import run_python


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://shop.example/a.", ["https://shop.example/a"]),
        (
            "(https://shop.example/a), <http://shop.example/?b=c&d>!",
            ["https://shop.example/a", "http://shop.example/?b=c&d"],
        ),
        ("https://shop.example/a_(b) x", ["https://shop.example/a_(b)"]),
        (
            "HTTPS://SHOP.EXAMPLE/A\nhttps://bücher.example/ü",
            ["HTTPS://SHOP.EXAMPLE/A", "https://bücher.example/ü"],
        ),
        ("www.shop.example shop.example a@shop.example ftp://shop.example", []),
        ("mailto:a@shop.example //shop.example/x", []),
        ("", []),
    ],
)
def test_urls_of_http_and_https_are_found(text, found):
    urls = find_urls(text)
    assert [each.url for each in urls] == found
    assert [text[each.start : each.end] for each in urls] == found


def test_error_names_the_extra_to_install():
    with pytest.raises(AssertionError, match=r"ImportError.*django-ptrack\[email\]"):
        run_python(
            "import sys; sys.modules['linkify_it'] = None\n"
            "from ptrack.email.text import find_urls; find_urls('https://shop.example')"
        )
