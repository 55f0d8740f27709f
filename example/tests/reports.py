"""Sending campaigns with the demo, and reading the reports on them."""

import json
import re
from html import unescape
from typing import Any

from .servers import Client, Page

THREE = "ada@example.com\ngrace@example.com, alan@example.com"


def send(
    client: Client, subject: str, recipients: str = THREE, message: str = "Hello"
) -> Page:
    """Send a campaign with the form; return the page that follows."""
    return client.submit("/", subject=subject, message=message, recipients=recipients)


def find_report(client: Client, subject: str) -> str:
    """Return the path of a campaign's report."""
    return next(path for path, title in find_campaigns(client) if title == subject)


def find_campaigns(client: Client) -> list[tuple[str, str]]:
    """Return the paths of all campaigns' reports, each with the subject."""
    found = re.findall(
        r'<option value="(/report/\d+/)"[^>]*>\s*(.*?) \(', client.get("/report/").text
    )
    return [(path, unescape(title)) for path, title in found]


def read_report(client: Client, subject: str) -> dict[str, Any]:
    """Return the numbers of a campaign, as its page gets them."""
    return json.loads(client.get(f"{find_report(client, subject)}data/").body)


def read_opens(client: Client, subject: str) -> dict[str, int]:
    """Return the opens of a campaign, by recipient."""
    rows = read_report(client, subject)["recipients"]
    return {row["recipient"]: row["opens"] for row in rows}


def read_numbers(client: Client, subject: str) -> dict[str, tuple[int, ...]]:
    """Return opens, unique opens, clicks and unique clicks, by cause."""
    names = ("opens", "opened", "clicks", "clicked")
    groups = read_report(client, subject)["causes"]
    return {each["cause"]: tuple(each[name] for name in names) for each in groups}
