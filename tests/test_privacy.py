"""ptrack.privacy: objections to tracking, and that they are heard."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from django.test import Client, override_settings

import ptrack
from ptrack.counters import Counters
from ptrack.encoder import PtrackEncoder, TokenBox
from ptrack.endpoint import Endpoint
from ptrack.pixel import GIF, PIXEL
from ptrack.privacy import objects
from ptrack.trackers import Tracker
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.recording import clicked, registered

BOX = TokenBox("s" * 32)
HOST = "https://www.example.com"
OBJECTIONS = [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}]
NONE = [{}, {"HTTP_SEC_GPC": "0"}, {"HTTP_DNT": "0"}, {"HTTP_DNT": "null"}]


class Request:
    def __init__(self, meta: dict[str, str]) -> None:
        self.META = meta


@pytest.mark.parametrize("meta", OBJECTIONS)
def test_either_header_is_an_objection(meta):
    assert objects(Request(meta))


@pytest.mark.parametrize("meta", [*NONE, {"HTTP_SEC_GPC": "11"}])
def test_nothing_else_is_one(meta):
    assert not objects(Request(meta))


def endpoint(**options: Any) -> Endpoint:
    return Endpoint(
        BOX,
        encoder=lambda: PtrackEncoder,
        tracker=Tracker(),
        prefix="/ptrack/",
        app_url=HOST,
        **options,
    )


def sync_answer(place: Endpoint, token: str, meta: dict[str, str]) -> Any:
    return place.answer("GET", token, lambda: Request(meta))


def async_answer(place: Endpoint, token: str, meta: dict[str, str]) -> Any:
    return asyncio.run(place.aanswer("GET", token, lambda: Request(meta)))


either_way = pytest.mark.parametrize("answer", [sync_answer, async_answer])


@either_way
@pytest.mark.parametrize("meta", OBJECTIONS)
def test_who_objects_is_answered_and_not_recorded_if_that_is_honoured(answer, meta):
    place = endpoint(honour_gpc=True)
    place.tracker.counters = counting = Counting()
    link = place.link("https://h.example/", (), {}).removeprefix(f"{HOST}/ptrack/")
    with registered(place.tracker) as opens, clicked(place.tracker) as clicks:
        assert answer(place, BOX.encrypt(), meta) is PIXEL
        assert dict(answer(place, link.rstrip("/"), meta).headers)["Location"] == (
            "https://h.example/"
        )
    assert not opens.hits
    assert not clicks.hits
    assert counting.found == {"gpc": 2}


@either_way
@pytest.mark.parametrize(
    ("options", "meta"),
    [({"honour_gpc": True}, meta) for meta in NONE] + [({}, OBJECTIONS[0])],
)
def test_all_others_are_recorded(answer, options, meta):
    place = endpoint(**options)
    with registered(place.tracker) as opens:
        answer(place, BOX.encrypt(), meta)
    assert len(opens.hits) == 1


class Counting(Counters):
    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def ignored(self, reason: str) -> None:
        self.found[reason] += 1


def test_setting_is_off_and_can_be_switched_on(recorder):
    path = ptrack.pixel_url().removeprefix(HOST)
    assert Client(headers={"sec-gpc": "1"}).get(path).content == GIF
    assert len(recorder.hits) == 1
    with override_settings(PTRACK_HONOUR_GPC=True):
        assert Client(headers={"sec-gpc": "1"}).get(path).content == GIF
        assert Client(headers={"dnt": "1"}).get(path).content == GIF
    assert len(recorder.hits) == 1


def test_option_of_the_wsgi_middleware_is_the_same():
    tracker = Tracker()
    middleware = PtrackWSGIMiddleware(
        None, "s" * 32, app_url=HOST, prefix="/", tracker=tracker, honour_gpc=True
    )
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": middleware.pixel_url().removeprefix(HOST),
        "HTTP_SEC_GPC": "1",
    }
    with registered(tracker) as opens:
        assert middleware(environ, lambda *_: None) == [GIF]
    assert not opens.hits
