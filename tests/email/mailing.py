"""Real mails, and what is in them once they are tracked."""

import json
import re
from pathlib import Path

from django.test import Client

from tests.processes import ROOT
from tests.recording import Clicks

HOST = "https://www.example.com"
LINK = re.compile(rf"{HOST}/ptrack/link/[\w-]+/")
PIXEL = re.compile(rf'<img src="{HOST}/ptrack/([\w-]+)/" width=1 height=1>')
MAILS = ROOT / "tests/mails"
LINKS: dict[str, list[list[str]]] = json.loads((MAILS / "links.json").read_text())
NAMES = sorted(LINKS)


def mail(name: str) -> str:
    """Give one of the HTML mails, its line ends as they are."""
    return Path(MAILS / name).read_bytes().decode()


def huge() -> tuple[str, list[list[str]]]:
    """Give a mail of more than a megabyte, and its links."""
    row = mail("nobody.html").replace("</html>", "<p>" + "word " * 700 + "</p>")
    rows = [row.replace("/a", f"/{number}", 1) for number in range(300)]
    links = [f"https://shop.example/{number}" for number in range(300)]
    return f"<html><body>{''.join(rows)}</body></html>", [[url, url] for url in links]


def corpus(name: str) -> tuple[str, list[str], list[str]]:
    """Give a mail, and its targets as they are written and as they are read."""
    text, links = huge() if name == "huge" else (mail(name), LINKS[name])
    written, read = zip(*links, strict=True)
    return text, list(written), list(read)


def clicked_targets(text: str, clicks: Clicks) -> list[str]:
    """Follow all tracked links of a text; give where they lead, as was recorded."""
    clicks.hits.clear()
    for url in LINK.findall(text):
        answer = Client().get(url.removeprefix(HOST))
        assert answer.status_code == 302, url
    return [url for url, _, _ in clicks.hits]


def unspliced(tracked: str, written: list[str]) -> str:
    """Give the text that another was before it was tracked.

    Args:
        tracked: The other, with a pixel in it at most once.
        written: The targets of its tracked links as they were written, in order; with
            the ``=`` in front where there were no quotation marks.
    """
    left = iter(written)

    def before(found: re.Match[str]) -> str:
        target = next(left)
        if target.startswith("="):
            assert found[1] == found[2] == '"'
            return target
        return f"={found[1]}{target}{found[2]}"

    text = re.sub(rf"=(\s*[\"'])(?:{LINK.pattern})([\"'])", before, tracked)
    assert not list(left)
    return PIXEL.sub("", text, count=1)
