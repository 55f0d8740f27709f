"""Realistic mails, and helpers to look at them once they are tracked."""

import json
import re
from pathlib import Path

from django.test import Client

from tests.processes import ROOT
from tests.recording import Clicks

HOST = "https://www.example.com"
LINK = re.compile(rf"{HOST}/ptrack/link/[\w-]+/")
PIXEL = re.compile(rf'<img src="{HOST}/ptrack/([\w-]+)/" width="1" height="1" alt="">')
MAILS = ROOT / "tests/email/mails"
LINKS: dict[str, list[list[str]]] = json.loads((MAILS / "links.json").read_text())
NAMES = sorted(LINKS)


def read_html(name: str) -> str:
    """Return one of the HTML mails, its line ends as they are."""
    return Path(MAILS / name).read_bytes().decode()


def make_huge() -> tuple[str, list[list[str]]]:
    """Return a mail of more than a megabyte, and its links."""
    row = read_html("nobody.html").replace("</html>", "<p>" + "word " * 700 + "</p>")
    rows = [row.replace("/a", f"/{number}", 1) for number in range(300)]
    links = [f"https://shop.example/{number}" for number in range(300)]
    return f"<html><body>{''.join(rows)}</body></html>", [[url, url] for url in links]


def read_sample(name: str) -> tuple[str, list[str], list[str]]:
    """Return a mail, and its targets as they are written and as they are read."""
    text, links = make_huge() if name == "huge" else (read_html(name), LINKS[name])
    written, read = zip(*links, strict=True)
    return text, list(written), list(read)


def click_all(text: str, clicks: Clicks) -> list[str]:
    """Click on all tracked links of a text, and return the recorded targets."""
    clicks.hits.clear()
    for url in LINK.findall(text):
        answer = Client().get(url.removeprefix(HOST))
        assert answer.status_code == 302, url
    return [url for url, _, _ in clicks.hits]


def undo_tracking(tracked: str, written: list[str]) -> str:
    """Return a text as it was before it was tracked.

    Args:
        tracked: The tracked text, with at most one pixel.
        written: The targets of its tracked links as they were written, in order; with
            the ``=`` in front where there were no quotation marks.
    """
    left = iter(written)

    def put_back(found: re.Match[str]) -> str:
        target = next(left)
        if target.startswith("="):
            assert found[1] == found[2] == '"'
            return target
        return f"={found[1]}{target}{found[2]}"

    text = re.sub(rf"=(\s*[\"'])(?:{LINK.pattern})([\"'])", put_back, tracked)
    assert not list(left)
    return PIXEL.sub("", text, count=1)
