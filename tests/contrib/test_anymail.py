"""ptrack.contrib.anymail: receivers of Anymail's signal get opens and clicks."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.http import HttpRequest
from django.test import AsyncClient, Client

import ptrack
from ptrack.contrib.anymail import Clicked, Opened
from ptrack.exceptions import PtrackDependencyError
from tests.processes import run_python

TARGET = "https://shop.example/"
AGENT = {"user-agent": "Mail/1"}


class Receiver:
    """A receiver of Anymail's signal, as a project that uses a provider has one."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.senders: list[Any] = []

    def __call__(self, sender: Any, event: Any, esp_name: str, **_: Any) -> None:
        self.senders.append((sender, esp_name))
        self.events.append(event)


@pytest.fixture(autouse=True)
def callbacks() -> Iterator[None]:
    ptrack.tracker.register(Opened)
    ptrack.tracker.register(Clicked)
    yield
    ptrack.tracker.unregister(Opened)
    ptrack.tracker.unregister(Clicked)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    tracking.connect(receiver)
    yield receiver
    tracking.disconnect(receiver)


def get(url: str, **headers: str) -> None:
    """Request a URL of ptrack's from the site that the tests run in."""
    Client(headers=headers).get(url.removeprefix("https://www.example.com"))


def open_pixel(*args: Any, **kwargs: Any) -> None:
    get(ptrack.pixel_url(*args, **kwargs), **AGENT)


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
    del found["timestamp"], found["event_id"]
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
    get(ptrack.link_url(TARGET, recipient="ada@h.example"), **AGENT)
    [event] = receiver.events
    assert receiver.senders == [(Clicked, "ptrack")]
    assert (event.event_type, event.click_url) == ("clicked", TARGET)
    assert (event.recipient, event.user_agent) == ("ada@h.example", "Mail/1")


def test_event_has_the_id_and_the_time_of_the_hit(receiver):
    hits = []

    class KeepHit(ptrack.TrackingPixel):
        def record(self, request: HttpRequest, /, *args: Any, **kwargs: Any) -> None:
            hits.append(ptrack.hit(request))

    ptrack.tracker.register(KeepHit)
    try:
        open_pixel()
        open_pixel()
    finally:
        ptrack.tracker.unregister(KeepHit)
    expected = [(hit.id.hex, hit.at) for hit in hits]
    assert [(each.event_id, each.timestamp) for each in receiver.events] == expected
    assert len(set(expected)) == 2


def test_pixel_without_arguments_is_an_event_too(receiver):
    get(ptrack.pixel_url())
    [event] = receiver.events
    assert (event.recipient, event.message_id) == (None, None)
    assert (event.tags, event.metadata, event.user_agent) == ([], {}, None)


def test_user_agent_has_the_length_that_is_kept_everywhere(receiver):
    get(ptrack.pixel_url(), **{"user-agent": "a" * 5000})
    [event] = receiver.events
    assert event.user_agent == "a" * 1000


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


def test_all_receivers_get_the_event_if_one_fails(receiver, caplog):
    failures = []

    class CountFailures(ptrack.Counters):
        def failed(self, callback: str) -> None:
            failures.append(callback)

    def fail(event: Any, **_: Any) -> None:
        raise OSError("disk full")

    tracking.disconnect(receiver)
    tracking.connect(fail)
    tracking.connect(receiver)
    ptrack.tracker.counters = CountFailures()
    try:
        open_pixel()
    finally:
        ptrack.tracker.counters = None
        tracking.disconnect(fail)
    assert len(receiver.events) == 1
    assert failures == ["ptrack.contrib.anymail.Opened"]
    assert "Callback ptrack.contrib.anymail.Opened failed" in caplog.text
    assert "disk full" in caplog.text


async def aget(url: str) -> None:
    await AsyncClient().get(url.removeprefix("https://www.example.com"))


def test_events_are_sent_under_asgi_too(receiver):
    asyncio.run(aget(ptrack.pixel_url("a")))
    assert receiver.events[0].esp_event["args"] == ["a"]


def test_missing_anymail_is_an_error_at_the_import_that_names_the_extra():
    assert issubclass(PtrackDependencyError, ImportError)
    out = run_python(
        "import sys; sys.modules['anymail'] = None\n"
        "from ptrack.exceptions import PtrackDependencyError\n"
        "try: import ptrack.contrib.anymail\n"
        "except PtrackDependencyError as error: print(error)\n"
    )
    assert 'pip install "django-ptrack[anymail]"' in out


def test_rest_of_ptrack_does_not_import_it():
    run_python(
        "import sys, django, ptrack\n"
        "django.setup()\n"
        "import ptrack.wsgi, ptrack.testing, ptrack.middleware\n"
        "assert not {'anymail', 'ptrack.contrib'} & set(sys.modules)\n",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
