"""ptrack.contrib.anymail: receivers of Anymail's signal get opens and clicks."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.test import AsyncClient

import ptrack
from ptrack.contrib.anymail import Clicked, Opened
from ptrack.core.counters import Counters
from ptrack.testing import tracked
from tests.processes import run_python
from tests.recording import emptied

TARGET = "https://shop.example/"
AGENT = {"User-Agent": "Mail/1"}


class Receiver:
    """What a project has that got its events from a provider so far."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.senders: list[Any] = []

    def __call__(self, sender: Any, event: Any, esp_name: str, **_: Any) -> None:
        self.senders.append((sender, esp_name))
        self.events.append(event)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with emptied(ptrack.tracker):
        ptrack.tracker.register(Opened)
        ptrack.tracker.register(Clicked)
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    tracking.connect(receiver)
    yield receiver
    tracking.disconnect(receiver)


def open_pixel(*args: Any, **kwargs: Any) -> None:
    tracked(ptrack.pixel_tag(*args, **kwargs)).open(AGENT)


def test_open_is_an_event_of_anymail(receiver):
    open_pixel(
        "newsletter",
        recipient="ada@h.example",
        tags=["offer", "spring"],
        message_id="<1@h.example>",
        metadata={"campaign": 7},
        user=3,
    )
    [event] = receiver.events
    assert type(event) is AnymailTrackingEvent
    assert receiver.senders == [(Opened, "ptrack")]
    found = dict(vars(event))
    assert datetime.now(UTC) - found.pop("timestamp") < timedelta(minutes=1)
    assert len(found.pop("event_id")) == 32
    assert json.loads(json.dumps(found.pop("esp_event"))) == {
        "args": ["newsletter"],
        "kwargs": {
            "recipient": "ada@h.example",
            "tags": ["offer", "spring"],
            "message_id": "<1@h.example>",
            "metadata": {"campaign": 7},
            "user": 3,
        },
    }
    assert found == {
        "event_type": "opened",
        "click_url": None,
        "description": None,
        "message_id": "<1@h.example>",
        "metadata": {"campaign": 7, "user": 3},
        "mta_response": None,
        "recipient": "ada@h.example",
        "reject_reason": None,
        "tags": ["offer", "spring"],
        "user_agent": "Mail/1",
    }


def test_click_is_an_event_with_its_target(receiver):
    url = ptrack.link_url(TARGET, recipient="ada@h.example")
    tracked(f"<a href='{url}'>").click(TARGET, AGENT)
    [event] = receiver.events
    assert receiver.senders == [(Clicked, "ptrack")]
    assert (event.event_type, event.click_url) == ("clicked", TARGET)
    assert (event.recipient, event.user_agent) == ("ada@h.example", "Mail/1")


def test_pixel_that_says_nothing_is_an_event_too(receiver):
    tracked(ptrack.pixel_tag()).open()
    [event] = receiver.events
    assert (event.recipient, event.message_id) == (None, None)
    assert (event.tags, event.metadata, event.user_agent) == ([], {}, None)


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        ({"tags": "offer"}, {"tags": ["offer"], "metadata": {}}),
        ({"metadata": "x"}, {"metadata": {"metadata": "x"}}),
        ({"metadata": {"a": 1, "b": 1}, "b": 2}, {"metadata": {"a": 1, "b": 2}}),
        ({"request": 1, "self": 2}, {"metadata": {"request": 1, "self": 2}}),
        ({"click_url": "x"}, {"metadata": {"click_url": "x"}, "click_url": None}),
    ],
)
def test_keywords_go_where_the_convention_says(receiver, given, attributes):
    open_pixel(**given)
    found = vars(receiver.events[0])
    assert {name: found[name] for name in attributes} == attributes


def test_events_have_ids_of_their_own(receiver):
    open_pixel()
    open_pixel()
    first, second = receiver.events
    assert first.event_id != second.event_id


def test_receiver_that_fails_costs_no_other_its_event_and_is_told(receiver, caplog):
    failures = []

    class Counting(Counters):
        def failed(self, callback: str) -> None:
            failures.append(callback)

    def failing(event: Any, **_: Any) -> None:
        raise OSError("disk full")

    tracking.disconnect(receiver)
    tracking.connect(failing)
    tracking.connect(receiver)
    ptrack.tracker.counters = Counting()
    try:
        open_pixel()
    finally:
        ptrack.tracker.counters = None
        tracking.disconnect(failing)
    assert len(receiver.events) == 1
    assert failures == ["ptrack.contrib.anymail.Opened"]
    assert "Tracking pixel ptrack.contrib.anymail.Opened failed" in caplog.text
    assert "disk full" in caplog.text


async def _get(path: str) -> None:
    await AsyncClient().get(path)


def test_events_are_sent_under_asgi_too(receiver):
    import asyncio

    asyncio.run(_get(ptrack.pixel_url("a").removeprefix("https://www.example.com")))
    assert receiver.events[0].esp_event["args"] == ["a"]


def test_without_anymail_the_error_says_what_to_install():
    run_python(
        "import sys; sys.modules['anymail'] = None\n"
        "try: import ptrack.contrib.anymail\n"
        "except ImportError as error: assert 'django-ptrack[anymail]' in str(error)\n"
        "else: raise AssertionError\n"
    )


def test_nothing_of_it_is_imported_unasked():
    run_python(
        "import sys, django, ptrack\n"
        "django.setup()\n"
        "import ptrack.wsgi, ptrack.testing, ptrack.middleware\n"
        "assert not {'anymail', 'ptrack.contrib'} & set(sys.modules)\n",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
