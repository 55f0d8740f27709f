"""ptrack.email.text: where in plain text the URLs are."""

import pytest

from ptrack.email.text import urls
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
    assert [text[start:end] for start, end in urls(text)] == found


def test_error_says_what_to_install():
    with pytest.raises(AssertionError, match=r"ImportError.*django-ptrack\[email\]"):
        run_python(
            "import sys; sys.modules['linkify_it'] = None\n"
            "from ptrack.email.text import urls; urls('https://shop.example')"
        )
