"""Debian's Chromium, driven by Selenium, without the network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.processes import PATIENCE

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


@contextmanager
def run_chromium(profile: Path, *more: str) -> Iterator[Chrome]:
    """Run a browser until the block ends.

    Args:
        profile: A directory for its profile.
        more: Further options of its command line.
    """
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in (*OPTIONS, f"--user-data-dir={profile}", *more):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With a path, Selenium doesn't look for a driver in the network.
    service = Service(shutil.which("chromedriver") or "chromedriver")
    with Chrome(options=options, service=service) as driver:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
