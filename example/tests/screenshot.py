"""``make screenshot``: pictures of the demo's report for the README."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

from tests.integration.chromium import run_chromium
from tests.processes import ROOT

from .servers import PATIENCE, manage, run_demo

WIDTH = 1200
SENT = "2026-11-03T09:00+00:00"
PICTURES = {"light": "demo.png", "dark": "demo-dark.png"}

# Chart.js draws in steps, and the tables are filled at the same time.
DRAWN = (
    "const chart = window.Chart?.getChart(document.querySelector('#chart canvas'));"
    "return Boolean(chart?.data.datasets.length)"
    " && document.querySelectorAll('#rows tr').length > 0"
)

# The end of the last table, and a margin like those at its sides.
END = (
    "const table = document.querySelector('.recipients');"
    "return Math.ceil(scrollY + table.getBoundingClientRect().bottom + 40)"
)


def main(directory: Path) -> None:
    """Take a picture in each colour scheme.

    Args:
        directory: The directory for the pictures.
    """
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        with (
            run_demo(place) as demo,
            run_chromium(
                place / "profile",
                "--force-device-scale-factor=1",
                "--force-prefers-reduced-motion",
                "--hide-scrollbars",
            ) as browser,
        ):
            manage(place, "sample", "--sent", SENT)
            for scheme, name in PICTURES.items():
                _show(browser, f"{demo.url}/report/", scheme)
                _save(browser.get_screenshot_as_png(), directory / name)


def _show(browser: Chrome, url: str, scheme: str) -> None:
    preference = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})
    _resize(browser, 900)
    browser.get(url)
    WebDriverWait(browser, PATIENCE).until(lambda _: browser.execute_script(DRAWN))
    _resize(browser, browser.execute_script(END))


def _resize(browser: Chrome, height: int) -> None:
    size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def _save(png: bytes, path: Path) -> None:
    # A third of the size. The default, the median cut, loses the few green pixels.
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


if __name__ == "__main__":
    main(ROOT / "docs")
