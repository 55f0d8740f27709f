"""Debian's Chromium, driven by Selenium, with nothing asked of the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from .demo_server import PATIENCE

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)


def missing() -> str:
    """Say what isn't installed; the empty text if all is."""
    absent = [str(each) for each in (CHROMIUM, CHROMEDRIVER) if not each.exists()]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def chromium(profile: Path, *more: str) -> Iterator[Chrome]:
    """Run a browser until the end of the block.

    Args:
        profile: A directory for its own use.
        more: Further options of its command line.
    """
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*OPTIONS, f"--user-data-dir={profile}", *more):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # The driver is named, so that Selenium looks for none in the network.
    with Chrome(options=options, service=Service(str(CHROMEDRIVER))) as driver:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
