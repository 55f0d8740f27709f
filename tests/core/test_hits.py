"""ptrack.core.hits: a hit, its identity, and its request."""

import asyncio
import gc
import weakref
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import RFC_4122, UUID

import pytest
import webob
from django.test import AsyncRequestFactory, RequestFactory

import ptrack
from ptrack.core import hits
from ptrack.core.callbacks import Tracker
from ptrack.core.hits import (
    MAX_HEADER,
    Hit,
    objects,
    read_environ,
    read_forwarded,
    read_header,
    read_text,
)
from ptrack.core.jobs import read_job, write_job
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request, make_environ

MAKE_REQUESTS = {
    "django": lambda: RequestFactory().get("/"),
    "django-asgi": lambda: AsyncRequestFactory().get("/"),
    "ptrack": lambda: PixelRequest(make_environ(Request())),
    "webob": lambda: webob.Request(make_environ(Request())),
    "object": lambda: SimpleNamespace(META={}),
}
each_request = pytest.mark.parametrize("name", MAKE_REQUESTS)


def make_hit() -> Hit:
    return ptrack.hit(SimpleNamespace(META={}))


# -- its content ----------------------------------------------------------------------


def test_arguments_are_the_request_the_target_and_the_rest():
    assert Hit(PIXEL, "request", ["a", 1], {}).arguments == ("request", "a", 1)
    hit = Hit(LINK, "request", ["a"], {}, "https://h.example/")
    assert hit.arguments == ("request", "https://h.example/", "a")


def test_arguments_may_come_from_an_iterable_that_ends():
    hit = Hit(PIXEL, "request", iter("ab"), {})
    assert hit.arguments == hit.arguments == ("request", "a", "b")


def test_repr_of_a_hit_shows_nothing_of_its_content():
    """Error trackers show what a frame holds."""
    assert "carried" not in repr(Hit(LINK, "carried", ["carried"], {"carried": 1}, "x"))


@each_request
def test_hit_is_found_by_its_request(name):
    request = MAKE_REQUESTS[name]()
    hit = Hit(LINK, request, ["a"], {"k": 1}, "https://h.example/")
    assert ptrack.hit(request) is hit


@pytest.mark.parametrize("request_", ["request", None, 1, {}])
def test_request_that_takes_no_attribute_makes_a_hit_that_cannot_be_found(
    request_,
):
    """django-ptrack 3.0.0's ``call_callbacks`` took anything for a request."""
    Hit(PIXEL, request_, [], {})
    with pytest.raises(TypeError, match="takes attributes"):
        ptrack.hit(request_)


@each_request
def test_request_of_no_hit_is_taken_for_a_pixels(name):
    request = MAKE_REQUESTS[name]()
    hit = ptrack.hit(request)
    assert ptrack.hit(request) is hit
    assert (hit.kind, hit.request, hit.args, hit.kwargs) == (PIXEL, request, (), {})
    assert hit.target is None


def test_hit_does_not_show_up_in_the_environ():
    """The site's other code sees it, and servers and tools may copy it."""
    environ = make_environ(Request())
    before = set(environ)
    ptrack.hit(PixelRequest(environ))
    assert set(environ) == before


# -- identity -------------------------------------------------------------------------


def test_two_requests_are_two_hits():
    assert len({make_hit().id for _ in range(1000)}) == 1000


def test_id_is_a_uuid_of_version_7():
    for _ in range(100):
        found = make_hit().id
        assert (found.version, found.variant) == (7, RFC_4122)


def make_hits(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> list[Hit]:
    """Return a new hit of each of these times."""
    found = []
    for each in seconds:
        monkeypatch.setattr(hits.time, "time", lambda each=each: each)
        found.append(make_hit())
    monkeypatch.undo()
    return found


def test_ids_sort_by_time(monkeypatch):
    found = [each.id for each in make_hits(monkeypatch, 1.5, 1.501, 1.6, 1e9)]
    assert found == sorted(found)


@pytest.mark.parametrize("seconds", [0.0, 1.5, 1795735620.8989997, 2e9])
def test_time_is_that_of_the_request_in_utc(monkeypatch, seconds):
    """The first 48 bits of the id are the same milliseconds, however it is rounded."""
    [found] = make_hits(monkeypatch, seconds)
    assert abs(found.at.timestamp() - seconds) < 1e-6
    assert found.at.utcoffset().total_seconds() == 0
    assert found.id.int >> 80 == int(found.at.timestamp() * 1000)


def test_time_and_id_stay_whichever_is_asked_for_first():
    first, second = make_hit(), make_hit()
    assert first.id.int >> 80 == int(first.at.timestamp() * 1000)
    assert second.at.timestamp() * 1000 // 1 == second.id.int >> 80
    assert (first.id, first.at) == (first.id, first.at)


def test_identity_can_be_that_of_a_hit_that_was_received_elsewhere():
    hit, at = make_hit(), datetime(2026, 1, 1, tzinfo=UTC)
    hit.identify(UUID(int=7), at)
    assert (hit.id, hit.at) == (UUID(int=7), at)


class Asking(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        found.append(ptrack.hit(request))


class AskingAgain(Asking):
    pass


class AskingAsync(ptrack.TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        found.append(ptrack.hit(request))


found: list[Hit] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    found.clear()


class Keeping(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        kept.append(request)


kept: list[Any] = []


def request_pixel(tracker: Tracker) -> None:
    app = PtrackWSGIMiddleware(None, secret="s", tracker=tracker)
    path = f"/ptrack/{TokenBox('s').encrypt()}/".encode()
    app(make_environ(Request(path=path)), lambda *_: None)


def call_as_in_300(tracker: Tracker) -> None:
    tracker.call_callbacks(PixelRequest({}))


@pytest.mark.parametrize("cause_hit", [request_pixel, call_as_in_300])
def test_request_of_a_hit_is_freed_without_the_garbage_collector(
    own_tracker, cause_hit
):
    own_tracker.register(Keeping)
    gc.disable()
    try:
        cause_hit(own_tracker)
        request = weakref.ref(kept.pop())
        assert request() is None
    finally:
        gc.enable()


def test_hit_is_whole_if_it_is_asked_for_when_the_callbacks_have_ended(own_tracker):
    """A callback may have started a thread that asks."""
    own_tracker.register(Keeping)
    app = PtrackWSGIMiddleware(None, secret="s", tracker=own_tracker)
    path = f"/ptrack/{TokenBox('s').encrypt('a', k=1)}/".encode()
    app(make_environ(Request(path=path)), lambda *_: None)
    request = kept.pop()
    hit = ptrack.hit(request)
    assert (hit.request, hit.args, hit.kwargs) == (request, ("a",), {"k": 1})
    assert ptrack.hit(request) is hit


def test_hit_that_a_callback_keeps_stays_whole(own_tracker):
    own_tracker.register(Asking)
    app = PtrackWSGIMiddleware(None, secret="s", tracker=own_tracker)
    path = f"/ptrack/{TokenBox('s').encrypt()}/".encode()
    app(make_environ(Request(path=path)), lambda *_: None)
    assert ptrack.hit(found[0].request) is found[0]


def test_callbacks_of_a_request_get_the_same_hit(own_tracker):
    for pixel in (Asking, AskingAgain, AskingAsync):
        own_tracker.register(pixel)
    tracking = PtrackWSGIMiddleware(None, tracker=own_tracker, pixels=())
    path = tracking.pixel_url("a", k=1).removeprefix("https://www.example.com")
    for _ in range(2):
        request = make_environ(Request(path=path.encode()))
        tracking(request, lambda status, headers: None)
    assert found[0] is found[1] is found[2]
    assert found[3] is found[4] is found[5]
    assert found[0].id != found[3].id
    assert (found[0].args, found[0].kwargs) == (("a",), {"k": 1})
    assert isinstance(found[0].request, PixelRequest)


def test_identity_goes_with_a_job(own_tracker):
    request = PixelRequest(make_environ(Request()))
    hit = Hit(LINK, request, ["a"], {"k": 1}, "https://h.example/")
    again = PixelRequest(make_environ(Request()))
    other = read_job(write_job("x", hit)).to_hit(again)
    assert (other.id, other.at) == (hit.id, hit.at)
    assert (other.kind, other.target) == (LINK, "https://h.example/")
    assert (other.args, other.kwargs) == (("a",), {"k": 1})
    assert other.request is again


@pytest.mark.parametrize("base", [Asking, AskingAsync])
def test_worker_gets_the_identity_that_the_request_had(own_tracker, base):
    """This holds too if one callback ran in the request and another in the worker."""
    from ptrack.background.worker import perform

    jobs: list[str] = []
    engine = SimpleNamespace(enqueue=jobs.append)
    slow = type("InBackground", (base,), {"background": True, "__module__": __name__})
    own_tracker.register(slow)
    own_tracker.register(AskingAgain)
    tracking = PtrackWSGIMiddleware(
        None, tracker=own_tracker, pixels=(), background=engine
    )
    path = tracking.pixel_url("a").removeprefix("https://www.example.com")
    tracking(make_environ(Request(path=path.encode())), lambda status, headers: None)
    (job,) = jobs
    perform(job)
    perform(job)
    in_request, in_worker, once_more = found
    assert in_request.id == in_worker.id == once_more.id
    assert in_request.at == in_worker.at == once_more.at
    assert in_worker.args == in_request.args == ("a",)


# -- its request ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"HTTP_SEC_GPC": "1"}, True),
        ({"HTTP_DNT": "1"}, True),
        ({"HTTP_DNT": "0", "HTTP_SEC_GPC": "1"}, True),
        ({"HTTP_DNT": "0"}, False),
        ({"HTTP_SEC_GPC": "true"}, False),
        ({"HTTP_SEC_GPC": "1, 1"}, False),
        ({}, False),
    ],
)
def test_sender_objects_by_either_header(meta, expected):
    assert objects(SimpleNamespace(META=meta)) is expected


HEADERS = {"HTTP_USER_AGENT": "Mail/1"}


@pytest.mark.parametrize(
    "request_",
    [
        RequestFactory().get("/", headers={"user-agent": "Mail/1"}),
        AsyncRequestFactory().get("/", headers={"user-agent": "Mail/1"}),
        PixelRequest.blank("/", headers={"User-Agent": "Mail/1"}),
        webob.Request.blank("/", headers={"User-Agent": "Mail/1"}),
        SimpleNamespace(environ=HEADERS),
        HEADERS,
    ],
    ids=["django", "django-asgi", "ptrack", "webob", "environ", "dict"],
)
def test_environ_of_any_request_is_read(request_: Any):
    assert read_text(read_environ(request_), "HTTP_USER_AGENT") == "Mail/1"
    assert read_text(read_environ(request_), "HTTP_SEC_GPC") == ""


@pytest.mark.parametrize("wrong", [None, "request", SimpleNamespace(META=None), []])
def test_error_names_the_type_that_is_no_request(wrong):
    with pytest.raises(TypeError, match=f"not {type(wrong).__name__}$"):
        read_environ(wrong)


@pytest.mark.parametrize("value", [None, b"Mail/1", 1, ["Mail/1"]])
def test_value_that_is_no_text_is_read_as_none(value):
    assert read_text({"HTTP_USER_AGENT": value}, "HTTP_USER_AGENT") == ""


def test_header_is_cut():
    environ = {"HTTP_USER_AGENT": "a" * MAX_HEADER + "b"}
    assert read_header(environ, "HTTP_USER_AGENT") == "a" * MAX_HEADER


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("1.2.3.4, 5.6.7.8", "1.2.3.4, 5.6.7.8"),
        ("a" * MAX_HEADER, "a" * MAX_HEADER),
        ("a" * (MAX_HEADER + 1), ""),
        ("a" * MAX_HEADER + ",1.2.3.4", "1.2.3.4"),
        ("a" + ",b" * MAX_HEADER, "b" + ",b" * (MAX_HEADER // 2 - 1)),
    ],
)
def test_end_of_a_list_of_addresses_has_whole_entries(header: str, expected: str):
    found = read_forwarded({"HTTP_X_FORWARDED_FOR": header})
    assert found == expected
    assert read_forwarded({"HTTP_X_FORWARDED_FOR": found}) == found
