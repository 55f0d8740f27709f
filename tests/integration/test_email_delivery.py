"""Tracked mails on their way: sent to a real server, and read where they arrive."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import django
import pytest
from django.core import mail as django_mail
from django.test import override_settings

from ptrack.email import track
from tests.email.mailing import (
    HOST,
    LINK,
    NAMES,
    PIXEL,
    click_all,
    read_sample,
    undo_tracking,
)

from .smtp import Inbox, run_smtp_server

pytestmark = pytest.mark.once

ENCODINGS = ("quoted-printable", "base64", "8bit")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with run_smtp_server() as inbox:
        yield inbox


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", [*NAMES, "huge"])
def test_urls_that_arrive_are_the_urls_that_were_made(
    name: str, encoding: str, inbox: Inbox, clicks
):
    """Smtplib sends the mail; the test reads it as a mail client does, and clicks."""
    text, written, read = read_sample(name)
    message = make_message(text, encoding)
    tracked = track(message, 7)
    with smtplib.SMTP("127.0.0.1", inbox.port) as client:
        client.send_message(tracked)
    assert_arrived(inbox, read_html(tracked), text, written)
    assert click_all(read_html(inbox.read_last()), clicks) == read
    if encoding != "8bit":
        assert b"\n>From " not in inbox.arrived[-1]
        assert find_part(inbox.read_last())["Content-Transfer-Encoding"] == encoding


@pytest.mark.parametrize("name", [*NAMES, "huge"])
def test_urls_that_django_sends_are_the_urls_that_were_made(
    name: str, inbox: Inbox, clicks
):
    text, written, read = read_sample(name)
    message = django_mail.EmailMultiAlternatives(
        "Hi", "Plain.", "a@sender.example", ["b@stay.example"]
    )
    message.attach_alternative(text, "text/html")
    tracked = track(message, 7)
    with override_settings(**make_smtp_settings("127.0.0.1", inbox.port)):
        tracked.send()
    assert_arrived(inbox, tracked.alternatives[0][0], text, written)
    assert click_all(read_html(inbox.read_last()), clicks) == read


def make_smtp_settings(host: str, port: int) -> dict[str, Any]:
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        options = {"host": host, "port": port}
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, "EMAIL_HOST": host, "EMAIL_PORT": port}


def make_message(text: str, encoding: str) -> EmailMessage:
    """Return a message with an HTML part in this encoding, byte for byte."""
    message = EmailMessage()
    message["Subject"] = "Hi"
    message["From"] = "a@sender.example"
    message["To"] = "b@stay.example"
    message.set_content("Plain.")
    message.add_alternative(text, subtype="html", cte=encoding)
    return message


def find_part(message: EmailMessage) -> Any:
    part = message.get_body(("html",))
    assert part is not None
    return part


def read_html(message: EmailMessage) -> str:
    return str(find_part(message).get_content()).replace("\r\n", "\n")


def assert_arrived(inbox: Inbox, sent: str, text: str, written: list[str]) -> None:
    """Assert that the last mail has the URLs that were sent, and all else as it was.

    Mail has one kind of line end, and ends with one.
    """
    # smtplib does this to parts of any mail that aren't encoded.
    arrived = read_html(inbox.read_last()).replace("\n>From ", "\nFrom ")
    assert LINK.findall(arrived) == LINK.findall(sent)
    assert PIXEL.findall(arrived) == PIXEL.findall(sent)
    found = undo_tracking(arrived, [each.replace("\r\n", "\n") for each in written])
    assert found.rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert HOST in arrived
