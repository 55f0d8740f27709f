"""ptrack.contrib.anymail: receivers of Anymail's signal get opens and clicks."""

import asyncio
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.http import HttpRequest
from django.test import AsyncClient, Client

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.background import worker
from ptrack.contrib import anymail
from ptrack.contrib.anymail import Clicked, Opened
from ptrack.exceptions import PtrackDependencyError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import (
    Request,
    open_adapters,
    send_through_asgi,
    send_through_wsgi,
)
from tests.processes import run_python

TARGET = "https://shop.example/"
AGENT = {"user-agent": "Reader/1"}
NO_AGENT = {
    "cause": "unknown",
    "kind": "unknown",
    "name": "no user agent",
    "on_open": None,
}
UNKNOWN = {**NO_AGENT, "name": "unknown"}


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
        "metadata": {"campaign": 7, "user": 3, "ptrack": UNKNOWN},
        "mta_response": None,
        "recipient": "ada@h.example",
        "reject_reason": None,
        "tags": ["offer", "spring"],
        "user_agent": "Reader/1",
    }


def test_click_is_an_event_with_its_target(receiver):
    get(ptrack.link_url(TARGET, recipient="ada@h.example"), **AGENT)
    [event] = receiver.events
    assert receiver.senders == [(Clicked, "ptrack")]
    assert (event.event_type, event.click_url) == ("clicked", TARGET)
    assert (event.recipient, event.user_agent) == ("ada@h.example", "Reader/1")


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
    assert (event.tags, event.metadata, event.user_agent) == (
        [],
        {"ptrack": NO_AGENT},
        None,
    )


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
    assert found["metadata"].pop("ptrack") == UNKNOWN
    assert {name: found[name] for name in attributes} == attributes


THUNDERBIRD = {"user-agent": "Thunderbird/115.0"}


@pytest.mark.parametrize(
    ("headers", "cause", "kind", "name", "on_open"),
    [
        (THUNDERBIRD, "person", "person", "Thunderbird", True),
        ({"user-agent": "GoogleImageProxy"}, "person", "mail_proxy", "Gmail", True),
        ({"user-agent": "YahooMailProxy"}, "unknown", "mail_proxy", "Yahoo Mail", None),
        (
            {**THUNDERBIRD, "purpose": "prefetch"},
            *("machine", "prefetch", "Purpose", False),
        ),
        (
            {"user-agent": "Barracuda Sentinel (EE)"},
            *("machine", "scanner", "Barracuda Sentinel", False),
        ),
        (AGENT, *UNKNOWN.values()),
    ],
)
def test_agent_of_the_request_is_in_the_metadata(
    receiver, headers, cause, kind, name, on_open
):
    get(ptrack.pixel_url(metadata={"a": 1}, b=2), **headers)
    get(ptrack.link_url(TARGET, metadata={"a": 1}, b=2), **headers)
    agent = {"cause": cause, "kind": kind, "name": name, "on_open": on_open}
    for event in receiver.events:
        assert event.metadata == {"a": 1, "b": 2, "ptrack": agent}
        assert json.loads(json.dumps(event.metadata)) == event.metadata
        assert "ptrack" not in event.esp_event["kwargs"]
    assert len(receiver.events) == 2


@pytest.mark.parametrize("given", [{"ptrack": 1}, {"metadata": {"ptrack": 1}}])
def test_entry_of_the_senders_own_stays_and_is_warned_of_once(receiver, given, caplog):
    anymail._warn_of_own_entry.cache_clear()
    open_pixel(**given, a=2)
    open_pixel(**given, a=2)
    for event in receiver.events:
        assert event.metadata == {"ptrack": 1, "a": 2}
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "has an entry 'ptrack' of your own" in record.getMessage()


class InBackground(Opened):
    """An open that a worker sends."""

    background = True


class ClickInBackground(Clicked):
    """A click that a worker sends."""

    background = True


ADAPTERS = "middleware", "async middleware", "urls", "async urls", "wsgi", "asgi"


@pytest.mark.parametrize("name", ADAPTERS)
def test_event_has_the_time_at_which_the_request_came(receiver, monkeypatch, name):
    """Another callback takes a minute before."""

    class Slow(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            hits.append(ptrack.hit(request))
            monkeypatch.setattr("time.time", lambda: start + 60)

    hits: list[ptrack.Hit] = []
    start = time.time()
    ptrack.tracker.unregister(Opened)
    ptrack.tracker.register(Slow)
    ptrack.tracker.register(Opened)
    path = ptrack.pixel_url("a").removeprefix("https://www.example.com").encode()
    try:
        with open_adapters() as adapters:
            assert adapters[name](Request(path=path)).hits
    finally:
        monkeypatch.undo()
        ptrack.tracker.unregister(Slow)
    [event], [hit] = receiver.events, hits
    assert (event.event_id, event.timestamp) == (hit.id.hex, hit.at)
    assert start - 1 < event.timestamp.timestamp() < start + 30


@pytest.mark.parametrize(
    ("callback", "make_url"),
    [
        (InBackground, lambda app: app.pixel_url("a", recipient="ada")),
        (ClickInBackground, lambda app: app.link_url(TARGET, "a", recipient="ada")),
    ],
)
@pytest.mark.parametrize("wrap", [PtrackWSGIMiddleware, PtrackASGIMiddleware])
def test_event_of_a_worker_is_that_of_the_request(
    receiver, monkeypatch, own_tracker, callback, make_url, wrap
):
    """The job is done an hour later, and a second time because the first failed."""
    jobs: list[str] = []
    engine = SimpleNamespace(enqueue=jobs.append)
    base = Clicked if issubclass(callback, Clicked) else Opened
    own_tracker.register(callback)
    own_tracker.register(base)
    app = wrap(None, tracker=own_tracker, pixels=(), background=engine)
    send = {
        PtrackWSGIMiddleware: send_through_wsgi,
        PtrackASGIMiddleware: send_through_asgi,
    }[wrap](app)
    path = make_url(app).removeprefix("https://www.example.com").encode()
    start = time.time()
    send(Request(path=path, headers=(("User-Agent", "Thunderbird/115.0"),)))
    monkeypatch.setattr("time.time", lambda: start + 3600)
    [job] = jobs
    worker.perform(job)
    worker.perform(job)
    in_request, *in_worker = receiver.events
    assert [vars(each) for each in in_worker] == [vars(in_request)] * 2
    assert [sender for sender, _ in receiver.senders] == [base, callback, callback]
    assert in_request.metadata["ptrack"]["name"] == "Thunderbird"
    assert start - 1 < in_request.timestamp.timestamp() < start + 30


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


@pytest.mark.parametrize("missing", ["anymail", "crawleruseragents", "python_ipware"])
def test_missing_library_is_an_error_at_the_import_that_names_the_extra(missing: str):
    assert issubclass(PtrackDependencyError, ImportError)
    out = run_python(
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        f"missing = {missing!r}\n"
        "importlib.util.find_spec = lambda x: None if x == missing else find(x)\n"
        "sys.modules[missing] = None\n"
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
