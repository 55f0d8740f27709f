"""The demo in a real browser, as a reader sees it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.integration.chromium import run_chromium

from . import screenshot
from .mails import (
    APPLE,
    GMAIL,
    SCANNER,
    STRANGER,
    find_pixel,
    read_body,
    read_page,
)
from .servers import BROWSER, PATIENCE, Client, Server

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    # The user agent of a headless browser isn't a person's.
    with run_chromium(tmp_path / "profile", f"--user-agent={BROWSER}") as driver:
        yield driver


def send(browser: Chrome, demo: Server, subject: str) -> None:
    """Send the example in the form, with another subject."""
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


def read_text(browser: Chrome, selector: str) -> str:
    """Return the text of an element; an empty text if it is missing or hidden."""
    # In one script: the page may replace an element between two commands.
    return browser.execute_script(
        "const found = document.querySelector(arguments[0]);"
        "return found?.checkVisibility() ? found.innerText : ''",
        selector,
    )


def wait_for_text(browser: Chrome, selector: str, expected: str) -> None:
    WebDriverWait(browser, PATIENCE, poll_frequency=0.1).until(
        lambda _: expected in read_text(browser, selector),
        f"{selector} doesn't have the text {expected!r}",
    )


def read_rows(browser: Chrome, table: str = ".recipients tbody") -> list[list[str]]:
    """Return the texts of the cells of a table."""
    return browser.execute_script(
        "return [...document.querySelectorAll(`${arguments[0]} tr`)]"
        ".map((row) => [...row.cells].map((cell) => cell.innerText))",
        table,
    )


def read_total(browser: Chrome) -> list[str]:
    """Return all opens, unique opens, clicks and unique clicks."""
    return read_rows(browser, "#causes tfoot")[0][1:]


def read_chart(browser: Chrome) -> dict[str, int]:
    """Return the last value of each line of the chart, by its label."""
    return browser.execute_script(
        "const { data } = Chart.getChart(document.querySelector('#chart canvas'));"
        "return Object.fromEntries(data.datasets.map((each) =>"
        " [each.label, each.data.at(-1)[each.parsing.yAxisKey]]))"
    )


def read_console(browser: Chrome) -> list[str]:
    """Return the messages in the browser's console."""
    return [entry["message"] for entry in browser.get_log("browser")]


def test_opens_appear_live(browser: Chrome, demo: Server) -> None:
    """A mail that is opened in the inbox is counted in the report without a reload."""
    send(browser, demo, "Live")
    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#empty", "Nobody has opened this mail yet.")
    nothing = ["not yet", "–", "–"]
    assert read_rows(browser) == [
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

    assert read_text(browser, "#opened") == "1 (33 %)"
    assert read_total(browser) == ["2", "1", "0", "0"]
    opened_by = [row[1] for row in read_rows(browser)]
    assert opened_by == ["not yet", "a person\nbrowser × 2", "not yet"]
    assert browser.execute_script("return window.notReloaded")
    assert browser.find_element(By.CSS_SELECTOR, "#chart canvas").is_displayed()
    assert not browser.find_element(By.ID, "empty").is_displayed()
    assert read_chart(browser) == {"Opens": 2, "Clicks": 0}
    assert read_console(browser) == []


def test_a_click_appears_live(browser: Chrome, demo: Server) -> None:
    """A link in the inbox leads to its page, and the click is counted in the report."""
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
    assert read_console(browser) == []

    browser.switch_to.window(report)
    wait_for_text(browser, "#clicked", "1 (33 %)")
    office = f"{demo.url}/office".removeprefix("http://")
    assert read_rows(browser, "#links") == [[office, "1", "0", "0"]]
    assert read_rows(browser)[0][3] == office
    assert read_total(browser) == ["1", "1", "1", "1"]
    assert read_chart(browser) == {"Opens": 1, "Clicks": 1}
    assert browser.execute_script("return window.notReloaded")
    assert read_console(browser) == []


def test_people_and_machines_are_counted_apart(browser: Chrome, demo: Server) -> None:
    """Each hit is counted with its cause: in the tables, the figures and the chart."""
    send(browser, demo, "Apart")
    reader = Client(demo.url)
    for recipient, user_agent in (
        ("ada@example.com", SCANNER),
        ("ada@example.com", GMAIL),
        ("grace@example.com", APPLE),
        ("alan@example.com", STRANGER),
    ):
        url = find_pixel(read_body(reader, "Apart", recipient))
        Client(demo.url, user_agent).get(url)
    office, _ = read_page(read_body(reader, "Apart", "alan@example.com")).links
    Client(demo.url, SCANNER).get(office.url)

    browser.get(f"{demo.url}/report/")
    wait_for_text(browser, "#opened", "1 (33 %)")
    assert read_text(browser, "#clicked") == "0 (0 %)"
    assert read_rows(browser, "#causes tbody") == [
        ["People", "1", "1", "0", "0"],
        ["Gmail mail proxy", "1", "1", "0", "0"],
        ["Unknown", "1", "1", "0", "0"],
        ["unknown", "1", "1", "0", "0"],
        ["Machines", "2", "2", "1", "1"],
        ["Barracuda Sentinel scanner", "1", "1", "1", "1"],
        ["Apple Mail Privacy Protection mail proxy", "1", "1", "0", "0"],
    ]
    assert read_total(browser) == ["4", "3", "1", "1"]
    assert [row[1] for row in read_rows(browser)] == [
        "a person\nBarracuda Sentinel, Gmail",
        "only machines\nApple Mail Privacy Protection",
        "unknown\nunknown",
    ]
    assert read_rows(browser)[2][3].endswith("/office only machines")
    assert read_chart(browser) == {
        "Opens": 1,
        "Clicks": 0,
        "Opens, unknown": 1,
        "Opens by machines": 2,
        "Clicks by machines": 1,
    }
    assert read_console(browser) == []


def test_a_campaign_is_chosen_from_the_list(browser: Chrome, demo: Server) -> None:
    """If another campaign is chosen, its opens are shown."""
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
    assert "Sent to alan@example.com" in read_text(browser, "body")
    assert measure_image(browser) == [True, 1, 1]


def measure_image(browser: Chrome, selector: str = "img") -> list[object]:
    """Return whether an image is complete, its width and its height."""
    script = (
        "const image = document.querySelector(arguments[0]);"
        "return [image.complete, image.naturalWidth, image.naturalHeight]"
    )
    return browser.execute_script(script, selector)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_pixel_loads_under_coep(browser: Chrome, demo: Server, host: str) -> None:
    """A cross-origin isolated page loads the pixel, from its own host or another."""
    # The pixel's host is always 127.0.0.1, which isn't localhost to a browser.
    browser.get(f"{demo.url}/coep/".replace("127.0.0.1", host))
    assert browser.execute_script("return crossOriginIsolated")
    assert measure_image(browser, "#pixel img") == [True, 1, 1]
    before = int(read_text(browser, "#views"))
    browser.refresh()
    assert int(read_text(browser, "#views")) == before + 1
    assert read_console(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_no_page_is_wider_than_the_screen(
    browser: Chrome, demo: Server, scheme: str, width: int
) -> None:
    """No page has to be scrolled sideways, on a phone or on a desktop."""
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
    """``make screenshot`` takes two of the whole page, one light and one dark."""
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
