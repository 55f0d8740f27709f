"""ptrack.wsgi: around any app, alone as a mirror, as a PasteDeploy filter."""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import webob
from paste.deploy import loadapp
from webtest import TestApp as WebTest

import ptrack
from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.wsgi import PtrackWSGIMiddleware, filter_factory, mirror
from tests.recording import register_clicks, register_recorder

SECRET = "s" * 32
HOST = "http://localhost"


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the app's own"]


def wrap(inner: Any = app, **options: Any) -> PtrackWSGIMiddleware:
    given = {"secret": SECRET, "app_url": HOST, "pixels": (), "prefix": "/ptrack/"}
    return PtrackWSGIMiddleware(inner, **(given | options))


def make_client(middleware: Any) -> WebTest:
    """Return a client that checks PEP 3333 on both sides of the middleware."""
    return WebTest(validator(middleware), lint=True)


def call(middleware: Any, **changed: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= changed
    got: list[Any] = []
    body = middleware(environ, lambda status, headers: got.extend((status, headers)))
    return got[0], got[1], b"".join(body)


def make_path(middleware: PtrackWSGIMiddleware, *args: Any, **kwargs: Any) -> str:
    return middleware.pixel_url(*args, **kwargs).removeprefix(HOST)


def test_hit_runs_the_callbacks_and_gets_the_pixel(recorder):
    middleware = wrap(validator(app))
    response = make_client(middleware).get(make_path(middleware, "a", self=1))
    assert response.status == "200 OK"
    assert response.body == GIF
    assert response.headerlist == list(PIXEL_IMAGE.headers)
    assert recorder.hits == [(("a",), {"self": 1})]


def test_callback_gets_a_webob_request_that_knows_meta(recorder):
    middleware = wrap()
    make_client(middleware).get(make_path(middleware), headers={"User-Agent": "Mail/1"})
    (request,) = recorder.requests
    assert isinstance(request, webob.Request)
    assert request.META is request.environ
    assert request.META["HTTP_USER_AGENT"] == request.headers["user-agent"] == "Mail/1"
    assert request.method == "GET"


def test_passing_through_touches_nothing():
    """The app gets the same environ and start_response, the server its iterable."""
    seen: list[Any] = []
    iterable = iter([b"body"])

    def inner(environ: Any, start_response: Any) -> Any:
        seen.extend((environ, start_response, dict(environ)))
        return iterable

    environ = {"PATH_INFO": "/ptracker/", "REQUEST_METHOD": "POST", "x": object()}
    before = dict(environ)

    def start(*args: Any) -> None:
        raise AssertionError("the app's to call")

    assert wrap(inner)(environ, start) is iterable
    assert seen[0] is environ
    assert seen[1] is start
    assert seen[2] == before == environ


@pytest.mark.parametrize("path", ["/", "/ptrack", "/ptracker/x/", "/page?ptrack"])
def test_every_other_path_is_the_app_s_own(path):
    assert make_client(wrap(validator(app))).get(path).body == b"the app's own"


def test_answer_is_the_same_for_every_token(recorder):
    middleware = wrap()
    forged = TokenBox("other").encrypt("a")
    valid = make_path(middleware, "a")
    paths = [
        valid,
        valid[:-1],
        f"/ptrack/{forged}/",
        "/ptrack/",
        "/ptrack/x//y",
        "/ptrack/" + "A" * 60000,
    ]
    answers = [call(middleware, PATH_INFO=path) for path in paths]
    assert all(answer == answers[0] for answer in answers)
    assert len(recorder.hits) == 2


def test_headers_are_a_list_that_a_server_may_change():
    middleware = wrap()
    _, headers, _ = call(middleware, PATH_INFO="/ptrack/x")
    headers.clear()
    assert call(middleware, PATH_INFO="/ptrack/x")[1] == list(PIXEL_IMAGE.headers)


def test_head_has_the_same_headers_no_body_and_records_nothing(recorder):
    middleware = wrap()
    response = make_client(middleware).head(make_path(middleware, "a"))
    assert response.headerlist == list(PIXEL_IMAGE.headers)
    assert response.body == b""
    assert not recorder.hits


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed_and_record_nothing(recorder, method):
    middleware = wrap()
    response = make_client(middleware).request(
        make_path(middleware, "a"), method=method, expect_errors=True
    )
    assert response.status == "405 Method Not Allowed"
    assert response.headers["Allow"] == "GET, HEAD"
    assert not recorder.hits


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        ("", False),
        ("/ptrack/\x00", True),
        ("/ptrack/\xff\xfe", True),
        ("/ptrack/\u20ac", True),
        ("\xff", False),
        ("\u20ac", False),
        ("no slash", False),
    ],
)
def test_path_that_is_broken_is_answered(recorder, path, is_ours):
    status, _, body = call(wrap(), PATH_INFO=path)
    assert (status, body) == ("200 OK", GIF if is_ours else b"the app's own")
    assert not recorder.hits


def test_environ_without_required_variables_is_answered():
    middleware = wrap()
    got: list[Any] = []
    assert middleware({}, lambda *given: got.append(given)) == [b"the app's own"]
    assert middleware({"PATH_INFO": "/ptrack/x"}, lambda *given: got.append(given)) == [
        PIXEL.not_allowed.body
    ]
    assert got[1][0] == "405 Method Not Allowed"


def test_prefix_may_be_of_any_characters(recorder):
    middleware = wrap(prefix="/é/")
    assert make_path(middleware).startswith("/%C3%A9/")
    assert make_client(middleware).get(make_path(middleware)).body == GIF
    assert len(recorder.hits) == 1


def test_mounted_app_is_matched_below_its_mount(recorder):
    middleware = wrap()
    _, _, body = call(middleware, SCRIPT_NAME="/at", PATH_INFO=make_path(middleware))
    assert body == GIF
    assert len(recorder.hits) == 1


def test_async_callback_is_awaited(own_tracker):
    seen = []

    @own_tracker.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(args)

    middleware = wrap(tracker=own_tracker)
    make_client(middleware).get(make_path(middleware, "a"))
    assert seen == [("a",)]


def test_tracker_that_is_given_is_used_alone(recorder):
    own = Tracker()
    middleware = wrap(tracker=own)
    with register_recorder(own) as mine:
        make_client(middleware).get(make_path(middleware))
    assert len(mine.hits) == 1
    assert not recorder.hits


class Mine:
    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return "token"

    @staticmethod
    def decrypt(token: str) -> Any:
        return [token], {}


def test_encoder_can_be_given_or_assigned(recorder):
    given = wrap(encoder=Mine)
    other = wrap()
    assert make_path(given) == "/ptrack/token/"
    ptrack.ptrack_encoder = Mine
    assert make_path(other) == "/ptrack/token/"
    make_client(other).get("/ptrack/abc")
    assert recorder.hits == [(("abc",), {})]


# -- a mirror -------------------------------------------------------------------------


def test_mirror_answers_pixels_and_nothing_else(recorder):
    made = mirror(secret=SECRET, prefix="/ptrack/")
    token = TokenBox(SECRET).encrypt("a")
    assert make_client(made).get(f"/ptrack/{token}/").body == GIF
    assert recorder.hits == [(("a",), {})]
    response = make_client(made).get("/", status=404)
    assert response.body == b"Not Found\n"
    assert make_client(made).post("/x", status=404).content_type == "text/plain"


# -- PasteDeploy ----------------------------------------------------------------------

INI = """
[app:main]
use = call:tests.test_wsgi:app_factory
filter-with = ptrack

[filter:ptrack]
use = egg:django-ptrack
secret = {secret}
secret_fallbacks = ["older", "old"]
app_url = https://paste.example
prefix = /paste/
pixels = tests.pixels_for_paste
"""


def app_factory(global_conf: dict[str, str]) -> Any:
    return app


def test_paste_filter_is_configured_by_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder
):
    # Another test may have imported it, and taken its callback out again.
    monkeypatch.delitem(sys.modules, "tests.pixels_for_paste", raising=False)
    ini = tmp_path / "paste.ini"
    ini.write_text(INI.format(secret=SECRET))
    loaded = loadapp(f"config:{ini}")
    assert loaded.pixel_url().startswith("https://paste.example/paste/")
    for secret in (SECRET, "old", "older"):
        token = TokenBox(secret).encrypt(secret)
        assert make_client(loaded).get(f"/paste/{token}/").body == GIF
    assert [args for args, _ in recorder.hits] == [(SECRET,), ("old",), ("older",)]
    assert make_client(loaded).get("/").body == b"the app's own"
    assert sys.modules["tests.pixels_for_paste"].SEEN[-3:] == [SECRET, "old", "older"]


def test_paste_filter_reads_lists_and_switches():
    factory = filter_factory(
        {},
        secret=SECRET,
        app_url=HOST,
        pixels="",
        link_query="utm_source utm_medium",
        honour_gpc="true",
    )
    middleware = factory(app)
    path = middleware.link_url("https://h.example/").removeprefix(HOST)
    with register_clicks(ptrack.tracker) as clicks:
        _, headers, _ = call(
            middleware, PATH_INFO=path, QUERY_STRING="a=1&utm_medium=2"
        )
        call(middleware, PATH_INFO=path, HTTP_SEC_GPC="1")
    assert dict(headers)["Location"] == "https://h.example/?utm_medium=2"
    assert len(clicks.hits) == 1


def test_request_body_is_left_unread():
    body = BytesIO(b"body")
    call(wrap(), PATH_INFO="/ptrack/x", REQUEST_METHOD="POST", **{"wsgi.input": body})
    assert body.tell() == 0
