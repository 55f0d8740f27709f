"""ptrack in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import ptrack
from ptrack.core.callbacks import Tracker
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.processes import PATIENCE, reserve_port

from .chromium import run_chromium

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with run_chromium(tmp_path / "profile") as driver:
        yield driver


@pytest.fixture
def page_with_link() -> Iterator[tuple[str, str, list[Any]]]:
    """Yield the URL of a page with a link, the link's target, and the list of clicks.

    The target is an international host.
    """
    clicks: list[Any] = []
    tracker = Tracker()

    @tracker.register
    class KeepClick(ptrack.TrackingLink):
        def record(self, request: Any, url: str, *args: Any) -> None:
            clicks.append((url, args))

    def show_page(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f'<a href="{url}">link</a>'.encode()]

    port = reserve_port()
    host = f"http://localhost:{port}"
    middleware = PtrackWSGIMiddleware(
        show_page,
        secret="s" * 32,
        app_url=host,
        prefix="/ptrack/",
        tracker=tracker,
        pixels=(),
    )
    target = f"http://bücher.example:{port}/ä b?ö=ü&amp=1#ß"
    url = middleware.link_url(target, "clicked")
    with make_server("localhost", port, middleware, Threaded, Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield host, target, clicks
        server.shutdown()
        thread.join()


class Threaded(ThreadingMixIn, WSGIServer):
    # A browser opens connections that it may not use.
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def test_link_leads_a_browser_to_an_international_host(
    browser: Chrome, page_with_link: tuple[str, str, list[Any]]
) -> None:
    """It gets there with the fragment, and sends no referrer."""
    host, target, clicks = page_with_link
    browser.get(host)
    browser.find_element(By.LINK_TEXT, "link").click()
    WebDriverWait(browser, PATIENCE, poll_frequency=0.1).until(
        lambda _: ".example" in browser.current_url
    )
    expected = target.replace("bücher", "xn--bcher-kva")
    assert browser.current_url == quote(expected, safe=":/?&=#")
    assert browser.execute_script("return document.referrer") == ""
    assert clicks == [(target, ("clicked",))]
