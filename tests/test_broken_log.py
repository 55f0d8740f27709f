"""A log that fails: through every adapter, in a mail, in a worker, at start-up."""

import logging
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import override_settings

import ptrack
from ptrack.background.worker import perform
from ptrack.core.answers import GIF
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.email import track
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from ptrack.wsgi import mirror
from tests.adapters import Request, Send
from tests.core.endpoints import Request as WithMeta
from tests.recording import Recorder

ADAPTERS = ["middleware", "async middleware", "urls", "async urls", "wsgi", "asgi"]


class Broken(logging.Handler):
    """A handler that raises, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.msg)
        raise ValueError("I/O operation on closed file")


@pytest.fixture(autouse=True)
def broken() -> Iterator[list[str]]:
    """Yield the list of the messages that were lost."""
    handler = Broken()
    logger = logging.getLogger("ptrack")
    logger.addHandler(handler)
    yield handler.messages
    logger.removeHandler(handler)


class Failing(ptrack.TrackingPixel):
    background = True

    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        raise LookupError


@pytest.fixture
def failing() -> Iterator[None]:
    ptrack.tracker.register(Failing)
    yield
    ptrack.tracker.unregister(Failing)


def make_request(url: str) -> Request:
    return Request("GET", url.removeprefix("https://www.example.com").encode())


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_request_is_answered(
    failing: None, sends: dict[str, Send], adapter: str, broken: list[str]
):
    valid = sends[adapter](make_request(ptrack.pixel_url("a")))
    assert (valid.status, valid.body, valid.hits) == (200, GIF, [(("a",), {})])
    garbage = sends[adapter](Request("GET", b"/ptrack/garbage/"))
    assert (garbage.status, garbage.headers) == (200, valid.headers)
    assert broken == ["Callback %s failed", "Not a token: %s"]


def test_mail_is_tracked_though_its_urls_are_too_long_for_some_clients(
    broken: list[str],
):
    message = EmailMessage()
    message.set_content('<a href="https://h.example/">x</a>', subtype="html")
    tracked = track(message, "x" * 2000, placeholders=lambda url: url.no_such_name)
    assert tracked.get_content().count("https://www.example.com/ptrack/") == 1
    track(message, "x" * 2000)
    assert [each.split(",")[0][:20] for each in broken] == [
        *("The function %s for ", "A URL has %d charact"),
        *("A URL has %d charact", "%d links of a mail g"),
    ]


def write(callback: str) -> str:
    return write_job(callback, Hit(PIXEL, WithMeta(), [], {}))


def test_worker_reports_to_its_engine(failing: None, broken: list[str]):
    with pytest.raises(PtrackRecordingError):
        perform(write(f"{__name__}.Failing"))
    with pytest.raises(PtrackRegistrationError):
        perform(write("no.such"))
    assert len(broken) == 2


def test_mirror_starts_without_an_engine(failing: None, broken: list[str]):
    mirror(secret="s" * 32)
    assert len(broken) == 1


def test_url_is_made_though_the_urlconf_cannot_be_imported(
    broken: list[str], recorder: Recorder
):
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken"):
        assert "/ptrack/" in ptrack.pixel_url()
    assert len(broken) == 1
