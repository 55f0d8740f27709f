"""The demo's mails, read as their recipients' clients read them, and who these are."""

import re
from html import unescape
from typing import Any

from ptrack.testing import Tracked, tracked
from ptrack.wsgi import PtrackWSGIMiddleware

from .demo_server import BROWSER, SECRET, Client, Page

GMAIL = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
    "(via ggpht.com GoogleImageProxy)"
)
APPLE = "Mozilla/5.0"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"
BOT = "python-requests/2.32.3"
OUTLOOK = "Microsoft Office/16.0 (Microsoft Outlook 16.0.17328; Pro)"
STRANGER = "Something/1.0"

# Of each, by the tables in docs/agents.md: whom the report puts it down to, name, kind.
AGENTS = {
    GMAIL: ("person", "Gmail", "mail_proxy"),
    APPLE: ("machine", "Apple Mail Privacy Protection", "mail_proxy"),
    YAHOO: ("unknown", "Yahoo Mail", "mail_proxy"),
    SCANNER: ("machine", "Barracuda Sentinel", "scanner"),
    BOT: ("machine", "python-requests", "bot"),
    OUTLOOK: ("person", "Outlook", "person"),
    BROWSER: ("person", "browser", "person"),
    STRANGER: ("unknown", "unknown", "unknown"),
    "": ("unknown", "no user agent", "unknown"),
}


def example(client: Client) -> str:
    """Give the message that the form is filled with."""
    found = re.search(
        r"<textarea name=\"message\".*?>(.*?)</textarea>", client.get("/").text, re.S
    )
    assert found
    return unescape(found[1]).strip()


def mails(client: Client, subject: str) -> dict[str, str]:
    """Give the addresses of the mails with a subject, by recipient."""
    found = re.findall(
        r'<a href="(/inbox/\w+/)">\s*<strong>(.*?)</strong>\s*<span>(.*?)</span>',
        client.get("/inbox/").text,
    )
    return {to: path for path, title, to in found if unescape(title) == subject}


def nowhere(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError("what is tracked is asked of the server that runs")


READER = PtrackWSGIMiddleware(nowhere, SECRET, prefix="/ptrack/", pixels=())


def carried(page: Page) -> Tracked:
    return tracked(page.text, READER)


def pixel(page: Page) -> str:
    (found,) = carried(page).pixels
    return found.url


def body(client: Client, subject: str, recipient: str = "ada@example.com") -> Page:
    return client.get(f"{mails(client, subject)[recipient]}body/")
