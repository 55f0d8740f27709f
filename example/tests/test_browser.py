"""The demo in a real browser: what a reader of it sees."""

from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

import ptrack
from ptrack.core.callbacks import Tracker
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.processes import free_port

from . import screenshot
from .chromium import chromium
from .demo_mails import APPLE, GMAIL, SCANNER, STRANGER, body, carried, pixel
from .demo_server import BROWSER, PATIENCE, Client, Server, running_demo

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_demo(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    # A headless one says that it is, and is no person then.
    with chromium(tmp_path / "profile", f"--user-agent={BROWSER}") as driver:
        yield driver


def send(browser: Chrome, demo: Server, subject: str) -> None:
    """Send the example that the form is filled with, under a subject."""
    browser.get(demo.url)
    field = browser.find_element(By.NAME, "subject")
    field.clear()
    field.send_keys(subject)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait_for_text(browser, ".message", "Sent 3 mails.")


def open_mail(browser: Chrome, demo: Server, subject: str, recipient: str) -> None:
    browser.get(f"{demo.url}/inbox/")
    browser.find_element(
        By.XPATH, f"//a[strong='{subject}'][span='{recipient}']"
    ).click()
    wait_for_text(browser, "h1", subject)


def text(browser: Chrome, selector: str) -> str:
    """Give the text of what is there and seen, else none."""
    # At once, by a script: the page may replace an element between two commands.
    return browser.execute_script(
        "const found = document.querySelector(arguments[0]);"
        "return found?.checkVisibility() ? found.innerText : ''",
        selector,
    )


def wait_for_text(browser: Chrome, selector: str, expected: str) -> None:
    WebDriverWait(browser, PATIENCE, poll_frequency=0.1).until(
        lambda _: expected in text(browser, selector),
        f"{selector} doesn't say {expected!r}",
    )


def rows(browser: Chrome, table: str = ".recipients tbody") -> list[list[str]]:
    """Give what a reader sees in the rows of a table."""
    return browser.execute_script(
        "return [...document.querySelectorAll(`${arguments[0]} tr`)]"
        ".map((row) => [...row.cells].map((cell) => cell.innerText))",
        table,
    )


def total(browser: Chrome) -> list[str]:
    """Give opens, unique ones, clicks and unique ones, of all."""
    return rows(browser, "#who tfoot")[0][1:]


def drawn(browser: Chrome) -> dict[str, int]:
    """Give the lines of the chart, and how high each of them ends."""
    return browser.execute_script(
        "const { data } = Chart.getChart(document.querySelector('#chart canvas'));"
        "return Object.fromEntries(data.datasets.map((each) =>"
        " [each.label, each.data.at(-1)[each.parsing.yAxisKey]]))"
    )


def complaints(browser: Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]


def test_opens_appear_live(browser: Chrome, demo: Server) -> None:
    """A mail opened in the inbox is counted in the report, without a reload."""
    send(browser, demo, "Live")
    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#empty", "Nobody has opened this mail yet.")
    nothing = ["not yet", "–", "–"]
    assert rows(browser) == [
        ["ada@example.com", *nothing],
        ["grace@example.com", *nothing],
        ["alan@example.com", *nothing],
    ]
    browser.execute_script("window.notReloaded = true")
    report = browser.current_window_handle

    browser.switch_to.new_window("tab")
    open_mail(browser, demo, "Live", "grace@example.com")
    browser.switch_to.window(report)
    wait_for_text(browser, "#opened", "1 (33 %)")

    browser.switch_to.new_window("tab")
    open_mail(browser, demo, "Live", "grace@example.com")
    browser.switch_to.window(report)
    wait_for_text(browser, ".recipients", "browser × 2")

    assert text(browser, "#opened") == "1 (33 %)"
    assert total(browser) == ["2", "1", "0", "0"]
    opened_by = [row[1] for row in rows(browser)]
    assert opened_by == ["not yet", "a person\nbrowser × 2", "not yet"]
    assert browser.execute_script("return window.notReloaded")
    assert browser.find_element(By.CSS_SELECTOR, "#chart canvas").is_displayed()
    assert not browser.find_element(By.ID, "empty").is_displayed()
    assert drawn(browser) == {"Opens": 2, "Clicks": 0}
    assert complaints(browser) == []


def test_a_click_appears_live(browser: Chrome, demo: Server) -> None:
    """A link followed in the inbox leads to its page, and is counted in the report."""
    send(browser, demo, "Followed")
    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#clicked", "0 (0 %)")
    browser.execute_script("window.notReloaded = true")
    report = browser.current_window_handle

    browser.switch_to.new_window("tab")
    open_mail(browser, demo, "Followed", "ada@example.com")
    before = set(browser.window_handles)
    browser.switch_to.frame(browser.find_element(By.CSS_SELECTOR, "iframe.mail"))
    browser.find_element(By.LINK_TEXT, "Have a look").click()
    (window,) = WebDriverWait(browser, PATIENCE).until(
        lambda _: set(browser.window_handles) - before
    )
    browser.switch_to.window(window)
    wait_for_text(browser, "h1", "Our new office")
    assert browser.current_url == f"{demo.url}/office/"
    assert browser.execute_script("return document.referrer") == ""
    assert complaints(browser) == []

    browser.switch_to.window(report)
    wait_for_text(browser, "#clicked", "1 (33 %)")
    office = f"{demo.url}/office".removeprefix("http://")
    assert rows(browser, "#links") == [[office, "1", "0", "0"]]
    assert rows(browser)[0][3] == office
    assert total(browser) == ["1", "1", "1", "1"]
    assert drawn(browser) == {"Opens": 1, "Clicks": 1}
    assert browser.execute_script("return window.notReloaded")
    assert complaints(browser) == []


def test_people_and_machines_are_told_apart(browser: Chrome, demo: Server) -> None:
    """Each hit stands with its own kind: in the tables, the figures and the chart."""
    send(browser, demo, "Apart")
    reader = Client(demo.url)
    for recipient, user_agent in (
        ("ada@example.com", SCANNER),
        ("ada@example.com", GMAIL),
        ("grace@example.com", APPLE),
        ("alan@example.com", STRANGER),
    ):
        url = pixel(body(reader, "Apart", recipient))
        Client(demo.url, user_agent).get(url)
    office, _ = carried(body(reader, "Apart", "alan@example.com")).links
    Client(demo.url, SCANNER).get(office.url)

    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#opened", "1 (33 %)")
    assert text(browser, "#clicked") == "0 (0 %)"
    assert rows(browser, "#who tbody") == [
        ["People", "1", "1", "0", "0"],
        ["Gmail mail proxy", "1", "1", "0", "0"],
        ["Unknown", "1", "1", "0", "0"],
        ["unknown", "1", "1", "0", "0"],
        ["Machines", "2", "2", "1", "1"],
        ["Barracuda Sentinel scanner", "1", "1", "1", "1"],
        ["Apple Mail Privacy Protection mail proxy", "1", "1", "0", "0"],
    ]
    assert total(browser) == ["4", "3", "1", "1"]
    assert [row[1] for row in rows(browser)] == [
        "a person\nBarracuda Sentinel, Gmail",
        "only machines\nApple Mail Privacy Protection",
        "unknown\nunknown",
    ]
    assert rows(browser)[2][3].endswith("/office only machines")
    assert drawn(browser) == {
        "Opens": 1,
        "Clicks": 0,
        "Opens, unknown": 1,
        "Opens by machines": 2,
        "Clicks by machines": 1,
    }
    assert complaints(browser) == []


def test_a_campaign_is_chosen_from_the_list(browser: Chrome, demo: Server) -> None:
    """Choosing another campaign shows its opens."""
    send(browser, demo, "Earlier")
    open_mail(browser, demo, "Earlier", "ada@example.com")
    send(browser, demo, "Later")
    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#opened", "0 (0 %)")
    browser.find_element(By.XPATH, "//option[contains(., 'Earlier')]").click()
    wait_for_text(browser, "#opened", "1 (33 %)")
    chosen = browser.find_element(By.CSS_SELECTOR, "option:checked")
    assert "Earlier" in chosen.get_attribute("textContent")


def test_a_mail_is_shown_in_its_frame(browser: Chrome, demo: Server) -> None:
    """The frame shows the mail's text and has loaded its pixel, 1 by 1."""
    send(browser, demo, "Framed")
    open_mail(browser, demo, "Framed", "alan@example.com")
    browser.switch_to.frame(browser.find_element(By.CSS_SELECTOR, "iframe.mail"))
    assert "Sent to alan@example.com" in text(browser, "body")
    assert image(browser) == [True, 1, 1]


def image(browser: Chrome, selector: str = "img") -> list[object]:
    """Tell whether an image is complete, and its size."""
    script = (
        "const image = document.querySelector(arguments[0]);"
        "return [image.complete, image.naturalWidth, image.naturalHeight]"
    )
    return browser.execute_script(script, selector)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_pixel_loads_under_coep(browser: Chrome, demo: Server, host: str) -> None:
    """A cross-origin isolated page loads the pixel: its own, and a foreign one."""
    # The pixel's host is always 127.0.0.1: to a page of localhost it is foreign.
    browser.get(f"{demo.url}/coep/".replace("127.0.0.1", host))
    assert browser.execute_script("return crossOriginIsolated")
    assert image(browser, "#pixel img") == [True, 1, 1]
    before = int(text(browser, "#views"))
    browser.refresh()
    assert int(text(browser, "#views")) == before + 1
    assert complaints(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_no_page_is_wider_than_the_screen(
    browser: Chrome, demo: Server, scheme: str, width: int
) -> None:
    """On a phone as on a desk, no page has to be scrolled sideways."""
    send(browser, demo, "Wide" * 30)
    commands = {
        "Emulation.setEmulatedMedia": {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]
        },
        "Emulation.setDeviceMetricsOverride": {
            "width": width,
            "height": 800,
            "deviceScaleFactor": 1,
            "mobile": False,
        },
    }
    for command, arguments in commands.items():
        browser.execute_cdp_cmd(command, arguments)
    open_mail(browser, demo, "Wide" * 30, "ada@example.com")
    pages = ("/", "/inbox/", "/report/", "/coep/", "/office/", "/unsubscribe/")
    for url in (browser.current_url, *pages):
        browser.get(url if "://" in url else demo.url + url)
        if url == "/report/":
            wait_for_text(browser, ".recipients", "browser × 2")
        assert browser.execute_script(
            "const page = document.documentElement;"
            "return page.scrollWidth <= page.clientWidth"
        ), url


def test_pictures_for_the_readme_show_the_report(
    browser: Chrome, tmp_path: Path
) -> None:
    """``make screenshot`` takes two: all of the page, one light and one dark."""
    screenshot.main(tmp_path / "pictures")
    corners = []
    for name in screenshot.PICTURES.values():
        path = tmp_path / "pictures" / name
        assert path.stat().st_size < 200_000
        with Image.open(path) as picture:
            width, height = picture.size
            assert width == 1200
            assert 1000 < height < 2000
            corners.append(picture.convert("L").getpixel((5, height - 5)))
    assert corners[0] > 200
    assert corners[1] < 60


@pytest.fixture
def page_with_link() -> Iterator[tuple[str, str, list[Any]]]:
    """A page with a link to an international host, and what was recorded of it."""
    clicks: list[Any] = []
    tracker = Tracker()

    @tracker.register
    class Clicks(ptrack.TrackingLink):
        def record(self, request: Any, url: str, *args: Any) -> None:
            clicks.append((url, args))

    def page(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f'<a href="{url}">link</a>'.encode()]

    port = free_port()
    host = f"http://localhost:{port}"
    middleware = PtrackWSGIMiddleware(
        page, "s" * 32, app_url=host, prefix="/ptrack/", tracker=tracker, pixels=()
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
    # A browser opens connections that it may never use.
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def test_link_leads_a_browser_to_an_international_host(
    browser: Chrome, page_with_link: tuple[str, str, list[Any]]
) -> None:
    """Exactly there, with the fragment, and without telling where it came from."""
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
