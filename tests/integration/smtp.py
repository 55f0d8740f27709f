"""A real mail server on loopback, which keeps the mails that arrive."""

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.processes import reserve_port


class Inbox:
    """The mails that arrived at a server, as bytes."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.port = reserve_port()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.arrived.append(envelope.content)
        return "250 OK"

    def read_last(self) -> EmailMessage:
        """Read the mail that arrived last."""
        message = email.message_from_bytes(
            self.arrived[-1], policy=email.policy.default
        )
        assert isinstance(message, EmailMessage)
        return message


@contextmanager
def run_smtp_server() -> Iterator[Inbox]:
    """Run a server on loopback until the block ends."""
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", inbox.port), timeout=10):
            yield inbox
    finally:
        server.stop()
