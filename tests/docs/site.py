"""The site of the README's first steps, and requests for pixels that blocks make."""

import re
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from webob.exc import HTTPNotFound

import ptrack
from ptrack.core.answers import GIF

from .blocks import find_block

SECRET = "s" * 32
HOST = "https://www.example.com"


def make_site(place: Path) -> Path:
    """Make the site of the README's first steps in a directory; return that."""
    call_command("startproject", "mysite", place)
    with (place / "mysite/settings.py").open("a") as settings:
        settings.write(find_block("README.md", "INSTALLED_APPS += ").code)
    pixels = find_block("README.md", "class Opens", "opened:").code
    (place / "mysite/pixels.py").write_text(pixels)
    return place


def make_paste_app(global_conf: dict[str, str]) -> Any:
    """Return an app that knows no page, for PasteDeploy."""
    return HTTPNotFound()


def open_pixel(*args: Any, **kwargs: Any) -> None:
    """Load a pixel through the site that the tests run in."""
    load(ptrack.pixel_url(*args, **kwargs))


def load(url: str, user_agent: str = "Mail/1", **environ: str) -> None:
    """Load a pixel's URL, with a user agent and with variables of the environ."""
    client = Client(headers={"user-agent": user_agent}, **environ)
    assert client.get(url.removeprefix(HOST)).content == GIF


def find_path(text: str) -> str:
    """Return the path of the first URL of the site in a text."""
    found = re.search(rf"{re.escape(HOST)}(/ptrack/[\w/-]+/)", text)
    assert found, text
    return found[1]


def read_token(text: str) -> Any:
    """Return the arguments in the first token of a text."""
    token = re.search(r"/ptrack/([\w-]+)/", text)
    assert token, text
    return ptrack.PtrackEncoder.decrypt(token[1])
