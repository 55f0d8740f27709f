"""ptrack.core.counters: hits and ignored requests are counted, and it costs no hit."""

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest

import ptrack
from ptrack.core.answers import PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.counters import Counters
from ptrack.core.endpoint import Endpoint
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackRegistrationError
from tests.core.endpoints import (
    BOX,
    Request,
    answer_async,
    answer_sync,
    either_way,
    make_endpoint,
)
from tests.recording import register_recorder


class Counting(Counters):
    def __init__(self) -> None:
        self.found: Counter[Any] = Counter()

    def hit(self, name: str) -> None:
        self.found[name] += 1

    def ignored(self, reason: str) -> None:
        self.found[reason] += 1

    def unheard(self, name: str) -> None:
        self.found[f"unheard {name}"] += 1

    def failed(self, callback: str) -> None:
        self.found[callback] += 1


class Broken(Counters):
    def hit(self, name: str) -> None:
        raise OSError("no hit")

    def ignored(self, reason: str) -> None:
        raise OSError("no reason")

    def failed(self, callback: str) -> None:
        raise OSError("no failure")


@pytest.fixture
def place() -> Endpoint:
    return make_endpoint()


@pytest.fixture
def counting(place: Endpoint) -> Counter[Any]:
    """Return the counts at the endpoint, by method and argument."""
    place.tracker.counters = counters = Counting()
    return counters.found


@either_way
def test_hits_are_counted_with_and_without_callbacks(answer, place, counting):
    answer(place, "GET", BOX.encrypt(1))
    with register_recorder(place.tracker) as recorder:
        answer(place, "GET", BOX.encrypt(2))
    assert counting == {"open": 2, "unheard open": 1}
    assert recorder.hits == [((2,), {})]


@either_way
def test_hit_of_a_kind_without_a_callback_is_counted_though_the_other_kind_has_one(
    answer, place, counting
):
    link = BOX.derive(b"ptrack link").encrypt("https://h.example/")
    with register_recorder(place.tracker):
        answer(place, "GET", f"link/{link}")
        answer(place, "GET", BOX.encrypt())
    assert counting == {"click": 1, "unheard click": 1, "open": 1}


@either_way
def test_clicks_and_broken_links_are_counted(answer, place, counting):
    token = BOX.derive(b"ptrack link").encrypt("https://h.example/")
    answer(place, "GET", f"link/{token}")
    answer(place, "HEAD", f"link/{token}")
    answer(place, "POST", f"link/{token}")
    answer(place, "GET", "link/garbage")
    answer(place, "HEAD", "link/garbage")
    assert counting == {
        "click": 1,
        "unheard click": 1,
        "unrecorded": 1,
        "method": 1,
        "token": 2,
    }


@either_way
@pytest.mark.parametrize(
    "token",
    [BOX.encrypt(), "garbage", "", "A" * 9000],
    ids=["valid", "garbage", "empty", "too long"],
)
@pytest.mark.parametrize(
    ("method", "expected", "reason"),
    [
        ("HEAD", PIXEL.answers["HEAD"], "unrecorded"),
        ("POST", PIXEL.not_allowed, "method"),
        ("", PIXEL.not_allowed, "method"),
    ],
)
def test_methods_that_record_nothing_are_counted_whatever_they_carry(
    answer, place, counting, token, method, expected, reason
):
    assert answer(place, method, token) is expected
    assert counting == {reason: 1}


@either_way
@pytest.mark.parametrize(
    "token",
    ["garbage", "", "A" * 9000, BOX.encrypt()[:-4], TokenBox("other").encrypt()],
    ids=["garbage", "empty", "too long", "cut", "forged"],
)
def test_count_of_tokens_that_cannot_be_read_does_not_say_why(
    answer, place, counting, token
):
    assert answer(place, "GET", token) is PIXEL_IMAGE
    assert counting == {"token": 1}


@either_way
@pytest.mark.parametrize("is_async", [False, True])
def test_each_failure_of_a_callback_is_counted_by_its_name(
    answer, is_async, place, counting
):
    class Failing(ptrack.TrackingPixel):
        def record(self, request: Any) -> None:
            raise OSError

    class AsyncFailing(ptrack.TrackingPixel):
        async def record(self, request: Any) -> None:
            raise OSError

    failing = place.tracker.register(AsyncFailing if is_async else Failing)
    with register_recorder(place.tracker) as recorder:
        answer(place, "GET", BOX.encrypt())
    name = f"{failing.__module__}.{failing.__qualname__}"
    assert counting == {"open": 1, name: 1}
    assert recorder.hits == [((), {})]


@either_way
def test_objection_is_counted_and_no_hit(answer):
    place = make_endpoint(honour_gpc=True)
    place.tracker.counters = counting = Counting()
    link = BOX.derive(b"ptrack link").encrypt("https://h.example/")
    for token in (BOX.encrypt(), f"link/{link}"):
        answer(place, "GET", token, Request(HTTP_SEC_GPC="1"))
        answer(place, "GET", token, Request(HTTP_SEC_GPC="0"))
        answer(place, "HEAD", token, Request(HTTP_SEC_GPC="1"))
    assert counting.found == {
        "gpc": 2,
        "unrecorded": 2,
        "open": 1,
        "unheard open": 1,
        "click": 1,
        "unheard click": 1,
    }


@either_way
def test_counter_that_raises_costs_a_log_record_and_nothing_else(answer, place, caplog):
    class Failing(ptrack.TrackingPixel):
        def record(self, request: Any) -> None:
            raise OSError("no record")

    place.tracker.register(Failing)
    place.tracker.counters = Broken()
    with register_recorder(place.tracker) as recorder:
        assert answer(place, "GET", BOX.encrypt()) is PIXEL_IMAGE
        assert answer(place, "GET", "garbage") is PIXEL_IMAGE
    assert recorder.hits == [((), {})]
    failures = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [str(each.exc_info[1]) for each in failures] == [
        "no hit",
        "no record",
        "no failure",
        "no reason",
    ]


def test_base_class_counts_nothing_so_that_each_method_is_optional(place, caplog):
    class OnlyHits(Counters):
        hits = 0

        def hit(self, name: str) -> None:
            self.hits += 1

    place.tracker.counters = counters = OnlyHits()
    for method, token in (("GET", BOX.encrypt()), ("GET", "x"), ("HEAD", "x")):
        place.answer(method, token, lambda: "request")
    for method in ("hit", "unheard", "ignored", "enqueued", "refused", "failed"):
        getattr(Counters(), method)("name")
    assert counters.hits == 1
    assert not [each for each in caplog.records if each.levelno > logging.DEBUG]


def test_counting_can_end(place, counting):
    assert isinstance(place.tracker.counters, Counting)
    place.tracker.counters = None
    place.answer("GET", BOX.encrypt(), lambda: "request")
    assert not counting


@pytest.mark.parametrize("wrong", [Counting, object(), print])
def test_object_that_cannot_count_is_refused_when_it_is_assigned(wrong):
    tracker = Tracker()
    with pytest.raises(
        PtrackRegistrationError, match=r"an instance of a subclass of ptrack\.Counters"
    ):
        tracker.counters = wrong
    assert tracker.counters is None


def test_counters_are_found_in_the_package():
    assert ptrack.Counters is Counters
    assert ptrack.tracker.counters is None


@either_way
@pytest.mark.parametrize(
    "error", [GeneratorExit(), asyncio.CancelledError(), BaseException()]
)
@pytest.mark.parametrize("method", ["hit", "ignored", "failed"])
def test_counters_cost_no_hit_whatever_they_raise(
    answer, place, caplog, error: BaseException, method: str
):
    def fail(*_: Any) -> None:
        raise error

    class Failing(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            raise LookupError

    place.tracker.counters = type("Odd", (Counters,), {method: fail})()
    place.tracker.register(Failing)
    with register_recorder(place.tracker) as recorder:
        assert answer(place, "GET", BOX.encrypt(1)) is PIXEL_IMAGE
        assert answer(place, "GET", "garbage") is PIXEL_IMAGE
    assert recorder.hits == [((1,), {})]
    assert caplog.messages.count("Counting failed") == 1


def test_exit_of_a_counter_under_an_event_loop_ends_nothing(place, caplog):
    class Exiting(Counters):
        def hit(self, name: str) -> None:
            raise SystemExit

    place.tracker.counters = Exiting()
    assert answer_async(place, "GET", BOX.encrypt(1)) is PIXEL_IMAGE
    assert "Counting failed" in caplog.messages
    with pytest.raises(SystemExit):
        answer_sync(place, "GET", BOX.encrypt(1))
