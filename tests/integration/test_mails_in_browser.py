"""Mails as a real browser reads them: the URLs of links, and the pixels it loads."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from wsgiref.simple_server import make_server

import pytest
from django.test import Client
from selenium.webdriver import Chrome

import ptrack
from ptrack.email import html, track_html
from tests.email.mailing import HOST
from tests.email.test_quotes import AROUND
from tests.processes import reserve_port

from .chromium import run_chromium
from .test_browser import Quiet, Threaded

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with run_chromium(tmp_path / "profile") as driver:
        yield driver


# -- links ----------------------------------------------------------------------------

NUMBERS = (
    *range(0x180),
    *(0x2028, 0x2029, 0x200B, 0xFEFF, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000),
    *(0xFDCF, 0xFDD0, 0xFDEF, 0xFDF0, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE),
    *(0x1FFFF, 0x2FFFE, 0xFFFFE, 0x10FFFE, 0x10FFFF, 0x110000, 0xFFFFFF, 2**32 + 65),
)
FORMS = ("&#{0};", "&#x{0:x};", "&#{0}", "&#X0{0:X}-", "&#{0}=")


def make_links() -> list[str]:
    references = [form.format(number) for number in NUMBERS for form in FORMS]
    # The characters themselves, but for those that end the value or the document.
    references += [
        chr(number)
        for number in NUMBERS
        if 0 < number < 0x110000
        and chr(number) not in '\r"'
        and not 0xD7FF < number < 0xE000
    ]
    references += [
        "&notin;",
        "&notit;",
        "&amp",
        "&amp=",
        "&ampx",
        "&AMP;",
        "&fjlig;",
        "&#;",
    ]
    return [f"https://shop.example/a{each}b?c={each}d" for each in references]


def test_targets_are_the_urls_that_a_browser_reads(browser: Chrome, tmp_path: Path):
    """Else the link stays as it is, as with control characters."""
    links = make_links()
    text = "".join(f'<a href="{link}">x</a>\n' for link in links)
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{text}", "utf-8")
    browser.get(page.as_uri())
    found = browser.execute_script(
        "return JSON.stringify(Array.from(document.links,"
        " each => [each.getAttribute('href'), each.href]))"
    )
    read = json.loads(found)
    hrefs = html.read_outline(text).hrefs
    assert len(read) == len(hrefs) == len(links)
    followed, client = {}, Client()
    for (value, url), href, link in zip(read, hrefs, links, strict=True):
        assert value.translate({9: None, 10: None, 13: None}) == href.url, link
        before = f'<a href="{link}">'
        tracked = track_html(before, opens=False)
        if tracked != before:
            path = tracked.split('"')[1].removeprefix(HOST)
            followed[url] = client.get(path)["Location"]
    # All but control characters, and characters that have no number.
    assert len(followed) > 300
    # Browsers read a location as they read a link.
    there = browser.execute_script(
        "return arguments[0].map(each => new URL(each).href)", [*followed.values()]
    )
    assert [
        pair for pair in zip(followed, there, strict=True) if pair[0] != pair[1]
    ] == []


# -- pixels ---------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[tuple[str, list[bytes], list[str]]]:
    """Yield a server's address, the pages it shows, and the paths it is asked for."""
    pages: list[bytes] = []
    paths: list[str] = []

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        paths.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [pages[-1] if paths[-1] == "/" else b""]

    port = reserve_port()
    with make_server("localhost", port, answer, Threaded, Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{port}", pages, paths
        server.shutdown()
        thread.join()


def test_browser_loads_the_pixel_of_a_reply_and_not_that_of_the_older_mail(
    browser: Chrome, site: tuple[str, list[bytes], list[str]], settings: Any
):
    host, pages, paths = site
    settings.PTRACK_APP_URL = host
    for around in AROUND:
        reply = around.replace("OLD", track_html("<p>Old</p>", "old"))
        pages.append(track_html(f"<body>{reply}</body>", "new").encode())
        paths.clear()
        # It returns when all images are loaded.
        browser.get(f"{host}/")
        tokens = [path.split("/")[2] for path in paths if path.startswith("/ptrack/")]
        assert [ptrack.PtrackEncoder.decrypt(each)[0] for each in tokens] == [["new"]]
