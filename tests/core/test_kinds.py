"""ptrack.core.kinds: a kind of URL is data, and so is a further one."""

import abc
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from webtest import TestApp as WebTest

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core import kinds
from ptrack.core.answers import LINK_NOT_FOUND, PIXEL_IMAGE, Answer, drop_body
from ptrack.core.callbacks import Tracker, run_by_name
from ptrack.core.counters import Counters
from ptrack.core.jobs import read_job
from ptrack.core.kinds import KINDS, LINK, PIXEL, Callback, Kind
from ptrack.exceptions import PtrackRegistrationError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request as Sent
from tests.adapters import send_through_asgi
from tests.core.endpoints import (
    BOX,
    HOST,
    SECRET,
    JsonEncoder,
    KeepingEngine,
    Request,
    both_encoders,
    either_way,
    make_endpoint,
)
from tests.recording import register_clicks, register_recorder

# -- the kinds that there are ---------------------------------------------------------


each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@each_kind
def test_methods_that_record_are_answered(kind: Kind):
    assert kind.records
    assert kind.records <= kind.answers.keys()


@each_kind
def test_same_methods_are_answered_whether_the_token_can_be_read_or_not(kind: Kind):
    assert kind.unreadable.keys() == kind.answers.keys()


@each_kind
def test_answer_to_other_methods_lists_those_that_are_answered(kind: Kind):
    assert kind.not_allowed.status == 405
    assert kind.not_allowed.header_map["Allow"] == ", ".join(kind.answers)
    assert kind.not_allowed is kind.not_allowed, "made once"


@each_kind
def test_head_is_answered_as_get_without_the_body(kind: Kind):
    for answers in (kind.answers, kind.unreadable):
        get, head = answers["GET"], answers["HEAD"]
        assert (head.status, head.headers) == (get.status, get.headers)
        assert head.body == b""


@each_kind
def test_segment_ends_in_a_slash_and_only_the_pixel_has_none(kind: Kind):
    assert bool(kind.segment) == (kind is not PIXEL)
    assert kind.segment.endswith("/") == (kind is not PIXEL)


@each_kind
def test_purpose_fits_into_blake2b_and_only_the_pixel_has_none(kind: Kind):
    assert (kind.purpose is None) == (kind is PIXEL)
    assert kind is PIXEL or 0 < len(kind.purpose) <= 16


@each_kind
def test_base_class_of_the_callbacks_is_in_the_package(kind: Kind):
    package, _, name = kind.callback_name.partition(".")
    assert (package, getattr(ptrack, name)) == ("ptrack", kind.callback)


def test_kinds_share_no_name_segment_purpose_or_base_class():
    for name in ("name", "segment", "purpose", "callback", "counter"):
        assert len({getattr(kind, name) for kind in KINDS}) == len(KINDS), name


def test_pixel_is_the_same_image_whatever_the_token_is():
    assert PIXEL.unreadable is PIXEL.answers
    assert PIXEL.answers["GET"] is PIXEL_IMAGE


def test_link_that_cannot_be_read_is_not_found():
    assert LINK.unreadable["GET"] is LINK_NOT_FOUND


# -- one more, which differs from both ------------------------------------------------


class TrackingFarewell(Callback):
    """Base class of callbacks for the further kind."""

    @abc.abstractmethod
    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Record that somebody takes no more mails."""


def make_answer(status: int, body: bytes) -> Answer:
    headers = (("Content-Type", "text/plain"), ("Content-Length", str(len(body))))
    return Answer(status, "Made up", headers, body)


PAGE = make_answer(200, b"Sure?")
DONE = make_answer(200, b"Done.")
GONE = make_answer(404, b"Gone.")
FAILED = make_answer(503, b"Failed.")

FAREWELL = Kind(
    name="farewell",
    segment="farewell/",
    purpose=b"ptrack farewell",
    has_target=False,
    answers={"GET": PAGE, "HEAD": drop_body(PAGE), "POST": DONE},
    records=frozenset({"POST"}),
    unreadable={"GET": GONE, "HEAD": drop_body(GONE), "POST": GONE},
    failed=FAILED,
    honours_objection=False,
    callback=TrackingFarewell,
    counter="farewell",
)


@pytest.fixture(autouse=True)
def _third_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, FAREWELL))


Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


def register_farewell(tracker: Tracker, *, background: bool = False) -> Calls:
    """Register a callback; return the list that it puts its arguments into."""
    calls: Calls = []

    class Farewell(TrackingFarewell):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            calls.append((args, kwargs))

    Farewell.background = background
    tracker.register(Farewell)
    return calls


def register_failing(tracker: Tracker, *, is_async: bool = False) -> None:
    class Failing(TrackingFarewell):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            raise LookupError("on purpose")

    class AsyncFailing(TrackingFarewell):
        async def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            raise LookupError("on purpose")

    tracker.register(AsyncFailing if is_async else Failing)


class Counting(Counters):
    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        self.found[name] += 1

    def ignored(self, reason: str) -> None:
        self.found[reason] += 1


def make_token(*args: Any, **kwargs: Any) -> str:
    return FAREWELL.segment + BOX.derive(b"ptrack farewell").encrypt(*args, **kwargs)


@both_encoders
def test_url_of_a_further_kind_is_made_and_read(encoder):
    endpoint = make_endpoint(encoder)
    url = endpoint.url(FAREWELL, ["a"], {"k": 1})
    assert url.startswith(f"{HOST}/ptrack/farewell/")
    path, carried = endpoint.read_url(url)
    assert path == url.removeprefix(HOST)
    assert carried == (FAREWELL, ("a",), {"k": 1}, None)
    assert endpoint.owns(url)


@either_way
@pytest.mark.parametrize("method", ["GET", "HEAD", "get"])
def test_page_of_a_further_kind_is_shown_and_records_nothing(answer, method):
    endpoint = make_endpoint()
    calls = register_farewell(endpoint.tracker)
    endpoint.tracker.counters = counting = Counting()
    assert answer(endpoint, method, make_token()) is FAREWELL.answers[method.upper()]
    assert (calls, counting.found) == ([], {"unrecorded": 1})


@either_way
@both_encoders
def test_method_of_a_further_kind_records(answer, encoder):
    endpoint = make_endpoint(encoder)
    calls = register_farewell(endpoint.tracker)
    endpoint.tracker.counters = counting = Counting()
    token = endpoint.match(endpoint.url(FAREWELL, ["a"], {"k": 1}).removeprefix(HOST))
    with (
        register_recorder(endpoint.tracker) as opens,
        register_clicks(endpoint.tracker) as clicks,
    ):
        assert answer(endpoint, "POST", token) is DONE
    assert calls == [(("a",), {"k": 1})]
    assert counting.found == {"farewell": 1}
    assert not opens.hits
    assert not clicks.hits


@either_way
def test_open_and_click_run_no_callback_of_a_further_kind(answer):
    endpoint = make_endpoint()
    calls = register_farewell(endpoint.tracker)
    assert answer(endpoint, "GET", BOX.encrypt()) is PIXEL_IMAGE
    token = BOX.derive(b"ptrack link").encrypt("https://h.example/")
    assert answer(endpoint, "GET", f"link/{token}").status == 302
    assert not calls


@either_way
@pytest.mark.parametrize("is_async", [False, True])
def test_answer_of_a_further_kind_says_that_a_callback_failed(answer, is_async):
    endpoint = make_endpoint()
    register_failing(endpoint.tracker, is_async=is_async)
    calls = register_farewell(endpoint.tracker)
    assert answer(endpoint, "POST", make_token()) is FAILED
    assert len(calls) == 1, "the next one runs all the same"


@either_way
def test_objection_is_honoured_by_the_kinds_that_honour_it(answer):
    endpoint = make_endpoint(honour_gpc=True)
    calls = register_farewell(endpoint.tracker)
    request = Request(HTTP_SEC_GPC="1")
    with (
        register_recorder(endpoint.tracker) as opens,
        register_clicks(endpoint.tracker) as clicks,
    ):
        answer(endpoint, "GET", BOX.encrypt(), request)
        token = BOX.derive(b"ptrack link").encrypt("https://h.example/")
        answer(endpoint, "GET", f"link/{token}", request)
        assert answer(endpoint, "POST", make_token(), request) is DONE
    assert (opens.hits, clicks.hits) == ([], [])
    assert len(calls) == 1


@either_way
@pytest.mark.parametrize(
    "token",
    ["", "garbage", BOX.encrypt(), "A" * 9000],
    ids=["empty", "garbage", "pixel", "too long"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_token_of_a_further_kind_that_cannot_be_read_gets_its_answer(
    answer, token, method
):
    endpoint = make_endpoint(link_fallback_url="https://h.example/")
    calls = register_farewell(endpoint.tracker)
    endpoint.tracker.counters = counting = Counting()
    got = answer(endpoint, method, f"farewell/{token}")
    assert got is FAREWELL.unreadable[method]
    assert (calls, counting.found) == ([], {"token": 1})


@either_way
@both_encoders
def test_token_of_one_kind_is_none_of_another(answer, encoder):
    """The test puts each kind's segment before the token of each other kind."""
    endpoint = make_endpoint(encoder)
    calls = register_farewell(endpoint.tracker)
    bare = {}
    for kind in kinds.KINDS:
        target = "https://h.example/" if kind.has_target else None
        path = endpoint.url(kind, ["https://h.example/"], {}, target)
        bare[kind] = path.removeprefix(f"{HOST}/ptrack/{kind.segment}")[:-1]
    with (
        register_recorder(endpoint.tracker) as opens,
        register_clicks(endpoint.tracker) as clicks,
    ):
        for kind in kinds.KINDS:
            for other in kinds.KINDS:
                for method in other.records if kind is not other else ():
                    got = answer(endpoint, method, other.segment + bare[kind])
                    assert got is other.unreadable[method]
        assert (opens.hits, clicks.hits, calls) == ([], [], [])
        for kind in kinds.KINDS:
            for method in kind.records:
                answer(endpoint, method, kind.segment + bare[kind])
    assert list(map(len, (opens.hits, clicks.hits, calls))) == [1, 1, 1]


@either_way
def test_other_methods_of_a_further_kind_are_refused(answer):
    got = answer(make_endpoint(), "PUT", make_token())
    assert got is FAREWELL.not_allowed
    assert got.header_map["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("segment", ["link/farewell/", "l/"])
def test_segment_may_start_with_another_or_be_its_start(monkeypatch, segment):
    kind = replace(FAREWELL, segment=segment)
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, kind))
    endpoint = make_endpoint()
    _, carried = endpoint.read_url(endpoint.url(kind, ["a"], {}))
    assert carried.kind is kind
    _, carried = endpoint.read_url(endpoint.url(LINK, [], {}, "https://h.example/"))
    assert carried.kind is LINK


def test_longest_token_of_the_longest_segment_is_read(monkeypatch):
    kind = replace(FAREWELL, segment="a-segment-longer-than-those-of-the-others/")
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, kind))
    endpoint = make_endpoint()
    text = "x" * (8000 // 4 * 3 - 24 - 16 - len('[[""],{}]'))
    path = endpoint.url(kind, [text], {}).removeprefix(HOST)
    assert len(path) == len(f"/ptrack/{kind.segment}/") + 8000
    for match in (endpoint.match, endpoint.match_wsgi):
        assert endpoint.read(match(path)).args == (text,)


def test_pixel_has_to_be_found_without_a_secret_too():
    endpoint = make_endpoint(JsonEncoder, box=None)
    assert endpoint.read(JsonEncoder.encrypt("a")).kind is PIXEL
    assert endpoint.read(f"farewell/{JsonEncoder.encrypt(make_token())}") is None


# -- in the background ----------------------------------------------------------------


@either_way
def test_job_brings_a_further_kind_to_its_callback(answer):
    engine = KeepingEngine()
    endpoint = make_endpoint(engine=engine)
    calls = register_farewell(endpoint.tracker, background=True)
    assert answer(endpoint, "POST", make_token("a", k=1), Request()) is DONE
    assert calls == []
    job = read_job(*engine.jobs)
    assert job.kind is FAREWELL
    assert run_by_name(job.callback, job.to_hit(Request()))
    assert calls == [(("a",), {"k": 1})]


@either_way
def test_callback_that_the_engine_refused_counts_by_its_own_end(answer):
    endpoint = make_endpoint(engine=KeepingEngine(OSError()))
    calls = register_farewell(endpoint.tracker, background=True)
    assert answer(endpoint, "POST", make_token("a"), Request()) is DONE
    assert calls == [(("a",), {})]


# -- registering ----------------------------------------------------------------------


def test_error_for_a_class_with_two_bases_or_none_lists_them_all(own_tracker):
    class Both(ptrack.TrackingPixel, TrackingFarewell):
        def record(self, request: Any, *args: Any) -> None: ...

    for wrong in (Both, dict):
        with pytest.raises(PtrackRegistrationError) as caught:
            own_tracker.register(wrong)
        assert str(caught.value).endswith(
            "does not inherit from exactly one of ptrack.TrackingPixel, "
            "ptrack.TrackingLink, ptrack.TrackingFarewell"
        )


def test_registry_that_was_there_before_a_kind_runs_its_callbacks(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", KINDS)
    tracker = Tracker()
    with register_recorder(tracker) as opens:
        monkeypatch.setattr(kinds, "KINDS", (*KINDS, FAREWELL))
        endpoint = make_endpoint(tracker=tracker)
        assert endpoint.answer("POST", make_token(), lambda: "request") is DONE
        calls = register_farewell(tracker)
        assert endpoint.answer("POST", make_token(), lambda: "request") is DONE
        endpoint.answer("GET", BOX.encrypt(), lambda: "request")
    assert (len(calls), len(opens.hits)) == (1, 1)


# -- through the adapters -------------------------------------------------------------


def test_further_kind_goes_through_the_wsgi_middleware(own_tracker):
    app = PtrackWSGIMiddleware(None, secret=SECRET, tracker=own_tracker, pixels=())
    client = WebTest(app)
    calls = register_farewell(own_tracker)
    path = f"/ptrack/{make_token('a')}/"
    assert client.get(path).body == PAGE.body
    assert client.post(path).body == DONE.body
    assert calls == [(("a",), {})]
    register_failing(own_tracker)
    assert client.post(path, status=503).body == FAILED.body


def test_further_kind_goes_through_the_asgi_middleware(own_tracker):
    app = PtrackASGIMiddleware(None, secret=SECRET, tracker=own_tracker, pixels=())
    send = send_through_asgi(app)
    calls = register_farewell(own_tracker)
    path = f"/ptrack/{make_token('a')}/".encode()
    assert send(Sent("GET", path))[2] == PAGE.body
    assert send(Sent("POST", path))[2] == DONE.body
    assert calls == [(("a",), {})]
    register_failing(own_tracker)
    assert send(Sent("POST", path))[::2] == (503, FAILED.body)


def test_head_that_a_kind_does_not_answer_gets_no_body(monkeypatch):
    """RFC 9110, section 9.3.2: a refusal too has none."""
    mute = replace(FAREWELL, answers={"POST": DONE}, unreadable={"POST": GONE})
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, mute))
    answer, _ = make_endpoint().receive("HEAD", "farewell/x", Request)
    assert (answer.status, answer.body) == (405, b"")
    assert answer.headers == mute.not_allowed.headers
    answer, _ = make_endpoint().receive("GET", "farewell/x", Request)
    assert answer is mute.not_allowed
