"""HEAD through every adapter: the headers of GET, and no body.

RFC 9110, section 9.3.2.
"""

from collections.abc import Callable
from typing import Any

import pytest

import ptrack
import ptrack.asgi
import ptrack.wsgi
from tests.adapters import Request, Send, send_through_asgi, send_through_wsgi

HOST = "https://www.example.com"
ADAPTERS = ["middleware", "async middleware", "urls", "async urls", "wsgi", "asgi"]

PATHS: dict[str, Callable[[], str]] = {
    "pixel": lambda: ptrack.pixel_url("a"),
    "garbage": lambda: f"{HOST}/ptrack/garbage/",
    "link": lambda: ptrack.link_url("https://h.example/"),
    "broken link": lambda: f"{HOST}/ptrack/link/garbage/",
}


def request(method: str, url: str) -> Request:
    return Request(method, url.removeprefix(HOST).encode())


@pytest.mark.parametrize("make", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_head_has_the_headers_of_get_and_no_body(
    sends: dict[str, Send], adapter: str, make: Callable[[], str]
):
    url = make()
    get, head = (sends[adapter](request(each, url)) for each in ("GET", "HEAD"))
    assert (head.status, head.headers) == (get.status, get.headers)
    assert head.body == b""
    assert (head.hits, head.clicks) == ([], [])


@pytest.mark.parametrize(
    ("send_through", "mirror"),
    [
        (send_through_wsgi, ptrack.wsgi.mirror),
        (send_through_asgi, ptrack.asgi.mirror),
    ],
    ids=["wsgi", "asgi"],
)
@pytest.mark.parametrize("url", [f"{HOST}/", f"{HOST}/robots.txt"])
def test_head_of_a_page_that_a_mirror_does_not_have_gets_no_body(
    send_through: Any, mirror: Any, url: str
):
    send = send_through(mirror(pixels=()))
    status, headers, body = send(request("GET", url))
    assert (status, body) == (404, b"Not Found\n")
    assert send(request("HEAD", url)) == (status, headers, b"")
