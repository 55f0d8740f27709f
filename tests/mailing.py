"""Mails on their way: a real server on loopback, and what is in a mail that arrived."""

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from django.test import Client

from tests.processes import ROOT, free_port
from tests.recording import Clicks

HOST = "https://www.example.com"
LINK = re.compile(rf"{HOST}/ptrack/link/[\w-]+/")
PIXEL = re.compile(rf'<img src="{HOST}/ptrack/([\w-]+)/" width=1 height=1>')
MAILS = ROOT / "tests/mails"


def mail(name: str) -> str:
    """Give one of the HTML mails, its line ends as they are."""
    return Path(MAILS / name).read_bytes().decode()


class Inbox:
    """Keeps the mails that a server is sent, as the bytes that came."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.port = free_port()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.arrived.append(envelope.content)
        return "250 OK"

    def last(self) -> EmailMessage:
        """Read the mail that came last."""
        message = email.message_from_bytes(
            self.arrived[-1], policy=email.policy.default
        )
        assert isinstance(message, EmailMessage)
        return message


@contextmanager
def smtp_server() -> Iterator[Inbox]:
    """Run a server on loopback until the block ends."""
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", inbox.port), timeout=10):
            yield inbox
    finally:
        server.stop()


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
