"""ptrack in a real browser."""

import re
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
from ptrack.email import track_html
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


def find_images(browser: Chrome, place: Path, pixel: str) -> list[str]:
    """Return the roles of the images that a screen reader finds on a page."""
    place.write_text(f"<!DOCTYPE html><title>A</title><p>Hello</p>{pixel}")
    browser.get(place.as_uri())
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    roles = [node["role"]["value"] for node in tree["nodes"] if not node["ignored"]]
    assert "paragraph" in roles
    return [role for role in roles if role in ("image", "img")]


def test_screen_readers_pass_the_pixel_over_with_an_empty_alt(
    browser: Chrome, tmp_path: Path, settings: Any
):
    place = tmp_path / "page.html"
    assert find_images(browser, place, ptrack.pixel_tag()) == ["image"]
    assert find_images(browser, place, track_html("")) == []
    settings.PTRACK_IMG_ATTRIBUTES = 'width="1" height="1" alt=""'
    assert find_images(browser, place, ptrack.pixel_tag()) == []


def emulate_phone(browser: Chrome, scheme: str) -> None:
    """Have the browser show pages as a phone does that prefers a colour scheme."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": True},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def find_luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(…)`` (WCAG 2.2)."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_for_a_broken_link_can_be_read_on_a_phone(
    browser: Chrome, page_with_link: tuple[str, str, list[Any]], scheme: str
) -> None:
    """Its style is in force, whatever its policy forbids, and nothing is cut off."""
    host, _, clicks = page_with_link
    emulate_phone(browser, scheme)
    browser.get(f"{host}/ptrack//link/garbage)")
    assert browser.title == "This link can't be followed"
    style = "getComputedStyle(document.documentElement)"
    text, ground = (
        find_luminance(browser.execute_script(f"return {style}.{name}"))
        for name in ("color", "backgroundColor")
    )
    assert (ground > text) == (scheme == "light")
    lighter, darker = max(text, ground), min(text, ground)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width == 320
    size = "return parseFloat(getComputedStyle(document.body).fontSize)"
    assert browser.execute_script(size) >= 16
    assert not any("Security" in each["message"] for each in browser.get_log("browser"))
    assert clicks == []


@pytest.mark.parametrize("end", [")", "/).", "\u200b", " ", "&utm_source=mail"])
def test_damaged_link_leads_a_browser_to_its_target(
    browser: Chrome, page_with_link: tuple[str, str, list[Any]], end: str
) -> None:
    host, _, clicks = page_with_link
    browser.get(host)
    url = browser.find_element(By.LINK_TEXT, "link").get_attribute("href")
    browser.get(str(url).removesuffix("/").replace("/link/", "//link/") + end)
    assert ".example" in browser.current_url
    assert len(clicks) == 1
