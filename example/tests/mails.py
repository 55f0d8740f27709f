"""The demo's mails as mail clients see them, and the user agents of such clients."""

import re
from html import unescape

from ptrack.testing import Tracked, tracked
from ptrack.wsgi import PtrackWSGIMiddleware

from .servers import BROWSER, SECRET, Client, Page

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

# It only reads URLs: the requests go to the demo's process.
READER = PtrackWSGIMiddleware(None, secret=SECRET, prefix="/ptrack/", pixels=())

# The cause, the name and the kind of each, by the tables in docs/agents.md.
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


def read_example(client: Client) -> str:
    """Return the message that the form is filled with."""
    found = re.search(
        r"<textarea name=\"message\".*?>(.*?)</textarea>", client.get("/").text, re.S
    )
    assert found
    return unescape(found[1]).strip()


def find_mails(client: Client, subject: str) -> dict[str, str]:
    """Return the paths of the mails with a subject, by recipient."""
    found = re.findall(
        r'<a href="(/inbox/\w+/)">\s*<strong>(.*?)</strong>\s*<span>(.*?)</span>',
        client.get("/inbox/").text,
    )
    return {to: path for path, title, to in found if unescape(title) == subject}


def read_page(page: Page) -> Tracked:
    """Return the pixels and the tracked links of a page."""
    return tracked(page.text, READER)


def find_pixel(page: Page) -> str:
    """Return the URL of the only pixel of a page."""
    (found,) = read_page(page).pixels
    return found.url


def read_body(client: Client, subject: str, recipient: str = "ada@example.com") -> Page:
    """Return the body of a mail, without loading its pixel."""
    return client.get(f"{find_mails(client, subject)[recipient]}body/")
