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
from ptrack.core.answers import GIF, PIXEL
from ptrack.middleware import PtrackMiddleware
from tests.recording import Recorder

CLIENTS = ["sync", "async"]


@pytest.fixture(params=CLIENTS)
def request_(request: pytest.FixtureRequest) -> Any:
    """Send a request through Django's WSGI or ASGI handler: ``(method, path)``."""

    def sync(method: str, path: str) -> Any:
        return Client().generic(method, path)

    def asynchronous(method: str, path: str) -> Any:
        return asyncio.run(AsyncClient().generic(method, path))

    return sync if request.param == "sync" else asynchronous


def path_of(*args: Any, **kwargs: Any) -> str:
    return ptrack.pixel_url(*args, **kwargs).removeprefix("https://www.example.com")


def test_hit_runs_the_callbacks_and_gets_the_pixel(request_, recorder):
    response = request_("GET", path_of("a", key="value"))
    assert (response.status_code, response.content) == (200, GIF)
    assert recorder.hits == [(("a",), {"key": "value"})]
    assert isinstance(recorder.requests[0], HttpRequest)


def test_answer_is_the_same_for_every_token(request_, recorder):
    valid = path_of("a")
    paths = [valid, valid[:-1], "/ptrack/", "/ptrack/garbage", "/ptrack/a/b/%00/%FF/"]
    with override_settings(PTRACK_SECRET="another"):
        paths.append(path_of("forged"))
    answers = [request_("GET", path) for path in paths]
    assert len({(r.status_code, r.content, str(r.headers)) for r in answers}) == 1
    assert len(recorder.hits) == 2


def test_response_has_the_headers_of_the_pixel(request_):
    response = request_("GET", path_of())
    for name, value in PIXEL.headers:
        assert response.headers[name] == value


def test_head_has_the_same_headers_no_body_and_records_nothing(request_, recorder):
    path = path_of("a")
    head = request_("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == request_("GET", path).headers
    assert len(recorder.hits) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "X"])
def test_other_methods_are_not_allowed_and_record_nothing(request_, recorder, method):
    response = request_(method, path_of("a"))
    assert (response.status_code, response.content) == (405, b"Method Not Allowed\n")
    assert response.headers["Allow"] == "GET, HEAD"
    assert not recorder.hits


@pytest.mark.parametrize("path", ["/page/", "/ptrack", "/ptracker/abc/"])
def test_every_other_path_is_the_sites_own(request_, path):
    assert request_("GET", path).content == f"page {path}".encode()


def test_it_works_where_the_urlconf_cannot_be_imported(request_, recorder):
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken"):
        assert request_("GET", path_of("a")).content == GIF
    assert recorder.hits == [(("a",), {})]


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"PTRACK_PREFIX": "pix/el"}, "/pix/el/"),
        ({"PTRACK_PREFIX": "/"}, "/"),
        ({"ROOT_URLCONF": "tests.urlconfs.track"}, "/track/"),
    ],
)
def test_prefix_of_the_settings_is_where_it_answers(
    request_, recorder, settings, start
):
    with override_settings(**settings):
        path = path_of("a")
        assert path.startswith(start)
        assert request_("GET", path).content == GIF
        assert request_("GET", start + "garbage").content == GIF
    assert len(recorder.hits) == 1


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"PTRACK_PREFIX": "/é b/"}, "/%C3%A9%20b/"),
        ({"ROOT_URLCONF": "tests.urlconfs.nested"}, "/a/b%20%C3%BC/"),
    ],
)
def test_prefix_may_be_of_any_characters(recorder, settings, start):
    """Not with the async client: it hands Django a path that no server would."""
    with override_settings(**settings):
        path = path_of("a")
        assert path.startswith(start)
        assert Client().get(path).content == GIF
    assert len(recorder.hits) == 1


@override_settings(ROOT_URLCONF="tests.urlconfs.root")
@pytest.mark.parametrize("path", ["/", "/about", "/first/"])
def test_site_that_includes_pixels_at_its_root_keeps_its_pages(
    request_, recorder, path
):
    assert request_("GET", path).content == f"page {path}".encode()
    assert request_("GET", path_of("a")).content == GIF
    assert len(recorder.hits) == 1


def test_settings_overridden_while_serving_are_honoured(request_, recorder):
    old = path_of("old")
    with override_settings(PTRACK_SECRET="new"):
        assert request_("GET", old).content == GIF
        assert not recorder.hits
    with override_settings(
        PTRACK_SECRET="new",
        PTRACK_SECRET_FALLBACKS=["s3cret of thirty-two characters!"],
    ):
        request_("GET", old)
    assert recorder.hits == [(("old",), {})]


def test_one_client_sees_an_override_between_two_requests(recorder):
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


def test_encoder_assigned_at_any_time_takes_effect(request_, recorder):
    ptrack.ptrack_encoder = Mine
    assert path_of("a", "b") == "/ptrack/a-b/"
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
        assert request_("GET", path_of("a")).content == GIF
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
        request_("GET", path_of("a"))
    finally:
        ptrack.tracker.unregister(Async)
    assert seen == [("a",)]


def test_nothing_of_a_hit_is_logged_above_debug(request_, recorder, caplog):
    path = path_of("recipient@example.com")
    request_("GET", path)
    request_("GET", "/ptrack/garbage/")
    assert not [r for r in caplog.records if r.levelno > logging.DEBUG]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PTRACK_SECRET": None}, "PTRACK_SECRET is not set"),
        ({"PTRACK_SECRET": "x" * 33}, "at most 32 bytes"),
        ({"PTRACK_SECRET_FALLBACKS": "x"}, "PTRACK_SECRET_FALLBACKS must be a list"),
        ({"PTRACK_PREFIX": 1}, "PTRACK_PREFIX must be str"),
    ],
)
def test_bad_setting_is_told_when_the_middleware_is_built(settings, said):
    with (
        override_settings(**settings),
        pytest.raises(ImproperlyConfigured, match=said),
    ):
        PtrackMiddleware(lambda request: HttpResponse())


@override_settings(PTRACK_APP_URL=None)
def test_mirror_that_just_records_does_without_an_app_url(recorder):
    token = ptrack.PtrackEncoder.encrypt("a")
    assert Client().get(f"/ptrack/{token}/").content == GIF
    assert recorder.hits == [(("a",), {})]


def test_it_is_sync_and_async_natively():
    assert PtrackMiddleware.sync_capable
    assert PtrackMiddleware.async_capable

    async def asynchronous(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert iscoroutinefunction(PtrackMiddleware(asynchronous))
    assert not iscoroutinefunction(PtrackMiddleware(lambda request: HttpResponse()))


def test_request_without_a_method_is_answered(recorder: Recorder):
    request = RequestFactory().get(path_of())
    request.method = None
    answer = PtrackMiddleware(lambda request: HttpResponse())(request)
    assert answer.status_code == 405
