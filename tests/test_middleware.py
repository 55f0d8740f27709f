"""ptrack.middleware: before any routing, under sync and async handlers alike."""

import asyncio
import logging
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings

import ptrack
from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.middleware import PtrackMiddleware
from tests.recording import Recorder

CLIENTS = ["sync", "async"]


@pytest.fixture(params=CLIENTS)
def request_(request: pytest.FixtureRequest) -> Any:
    """Return a function that sends a method and a path to Django's handler."""

    def send(method: str, path: str) -> Any:
        return Client().generic(method, path)

    def send_async(method: str, path: str) -> Any:
        return asyncio.run(AsyncClient().generic(method, path))

    return send if request.param == "sync" else send_async


def make_path(*args: Any, **kwargs: Any) -> str:
    return ptrack.pixel_url(*args, **kwargs).removeprefix("https://www.example.com")


def test_hit_runs_the_callbacks_and_gets_the_pixel(request_, recorder):
    response = request_("GET", make_path("a", key="value"))
    assert (response.status_code, response.content) == (200, GIF)
    assert recorder.hits == [(("a",), {"key": "value"})]
    assert isinstance(recorder.requests[0], HttpRequest)


def test_answer_is_the_same_for_every_token(request_, recorder):
    valid = make_path("a")
    paths = [valid, valid[:-1], "/ptrack/", "/ptrack/garbage", "/ptrack/a/b/%00/%FF/"]
    with override_settings(PTRACK_SECRET="another"):
        paths.append(make_path("forged"))
    answers = [request_("GET", path) for path in paths]
    assert len({(r.status_code, r.content, str(r.headers)) for r in answers}) == 1
    assert len(recorder.hits) == 2


def test_response_has_the_headers_of_the_pixel(request_):
    response = request_("GET", make_path())
    for name, value in PIXEL_IMAGE.headers:
        assert response.headers[name] == value


def test_head_has_the_same_headers_no_body_and_records_nothing(request_, recorder):
    path = make_path("a")
    head = request_("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == request_("GET", path).headers
    assert len(recorder.hits) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"])
def test_other_methods_are_not_allowed_and_record_nothing(request_, recorder, method):
    response = request_(method, make_path("a"))
    assert (response.status_code, response.content) == (405, b"Method Not Allowed\n")
    assert response.headers["Allow"] == "GET, HEAD"
    assert not recorder.hits


@pytest.mark.parametrize("path", ["/page/", "/ptrack", "/ptracker/abc/"])
def test_every_other_path_is_the_site_s_own(request_, path):
    assert request_("GET", path).content == f"page {path}".encode()


def test_it_works_where_the_urlconf_cannot_be_imported(request_, recorder):
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken"):
        assert request_("GET", make_path("a")).content == GIF
    assert recorder.hits == [(("a",), {})]


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"PTRACK_PREFIX": "pix/el"}, "/pix/el/"),
        ({"PTRACK_PREFIX": "/"}, "/"),
        ({"ROOT_URLCONF": "tests.urlconfs.track"}, "/track/"),
    ],
)
def test_it_answers_at_the_prefix_of_the_settings(request_, recorder, settings, start):
    with override_settings(**settings):
        path = make_path("a")
        assert path.startswith(start)
        assert request_("GET", path).content == GIF
        assert request_("GET", start + "garbage").content == GIF
    assert len(recorder.hits) == 1


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"PTRACK_PREFIX": "/é+b/"}, "/%C3%A9+b/"),
        ({"ROOT_URLCONF": "tests.urlconfs.nested"}, "/a/b%20%C3%BC/"),
    ],
)
def test_prefix_may_be_of_any_characters(recorder, settings, start):
    """Django's async client sends a path that no server would."""
    with override_settings(**settings):
        path = make_path("a")
        assert path.startswith(start)
        assert Client().get(path).content == GIF
    assert len(recorder.hits) == 1


@override_settings(ROOT_URLCONF="tests.urlconfs.root")
@pytest.mark.parametrize("path", ["/", "/about", "/first/"])
def test_site_that_includes_pixels_at_its_root_keeps_its_pages(
    request_, recorder, path
):
    assert request_("GET", path).content == f"page {path}".encode()
    assert request_("GET", make_path("a")).content == GIF
    assert len(recorder.hits) == 1


def test_override_of_a_setting_takes_effect_between_requests(request_, recorder):
    old = make_path("old")
    with override_settings(PTRACK_SECRET="new"):
        assert request_("GET", old).content == GIF
        assert not recorder.hits
    with override_settings(
        PTRACK_SECRET="new",
        PTRACK_SECRET_FALLBACKS=["s3cret of thirty-two characters!"],
    ):
        request_("GET", old)
    assert recorder.hits == [(("old",), {})]


def test_override_takes_effect_for_one_client_too(recorder):
    client = Client()
    assert client.get("/page/").content == b"page /page/"
    with override_settings(PTRACK_PREFIX="/page/"):
        assert client.get("/page/").content == GIF
    assert client.get("/page/").content == b"page /page/"


class Mine:
    """A project's own encoder."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return "-".join(args)

    @staticmethod
    def decrypt(token: str) -> Any:
        if token == "bad":
            raise ArithmeticError
        return token.split("-"), {}


def test_encoder_that_is_assigned_takes_effect(request_, recorder):
    ptrack.ptrack_encoder = Mine
    assert make_path("a", "b") == "/ptrack/a-b/"
    assert request_("GET", "/ptrack/a-b/").content == GIF
    assert request_("GET", "/ptrack/bad/").content == GIF
    assert recorder.hits == [(("a", "b"), {})]


def test_failing_callback_costs_a_log_record_and_not_the_pixel(
    request_, recorder, caplog
):
    class Failing(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise LookupError("on purpose")

    ptrack.tracker.register(Failing)
    try:
        assert request_("GET", make_path("a")).content == GIF
    finally:
        ptrack.tracker.unregister(Failing)
    (record,) = (r for r in caplog.records if r.levelno >= logging.WARNING)
    assert "Failing failed" in record.getMessage()
    assert len(recorder.hits) == 1


def test_async_callback_is_awaited_under_either_server(request_):
    seen = []

    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            seen.append(args)

    ptrack.tracker.register(Async)
    try:
        request_("GET", make_path("a"))
    finally:
        ptrack.tracker.unregister(Async)
    assert seen == [("a",)]


def test_nothing_of_a_hit_is_logged_above_debug(request_, recorder, caplog):
    path = make_path("recipient@example.com")
    request_("GET", path)
    request_("GET", "/ptrack/garbage/")
    assert not [r for r in caplog.records if r.levelno > logging.DEBUG]


@override_settings(PTRACK_SECRET=None)
def test_missing_secret_is_an_error_when_the_middleware_is_built():
    """Every bad setting is one too: test_conf has those."""
    with pytest.raises(ImproperlyConfigured, match="PTRACK_SECRET is not set"):
        PtrackMiddleware(lambda request: HttpResponse())


@override_settings(PTRACK_APP_URL=None)
def test_mirror_that_only_records_needs_no_app_url(recorder):
    token = ptrack.PtrackEncoder.encrypt("a")
    assert Client().get(f"/ptrack/{token}/").content == GIF
    assert recorder.hits == [(("a",), {})]


def test_middleware_is_both_sync_and_async():
    assert PtrackMiddleware.sync_capable
    assert PtrackMiddleware.async_capable

    async def asynchronous(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(PtrackMiddleware(asynchronous))
    assert not iscoroutinefunction(PtrackMiddleware(lambda request: HttpResponse()))


def test_request_without_a_method_is_answered(recorder: Recorder):
    request = RequestFactory().get(make_path())
    request.method = None
    answer = PtrackMiddleware(lambda request: HttpResponse())(request)
    assert answer.status_code == 405
