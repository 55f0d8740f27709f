"""ptrack.asgi: around any app, and alone as a mirror."""

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import pytest
import trio
import webob

import ptrack
from ptrack.asgi import PixelRequest, PtrackASGIMiddleware, mirror
from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from tests.recording import register_recorder

SECRET = "s" * 32
HOST = "http://localhost"
HEADERS = [(n.lower().encode(), v.encode()) for n, v in PIXEL_IMAGE.headers]

Answered = tuple[int, list[tuple[bytes, bytes]], bytes]


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the app's own"})


def wrap(inner: Any = app, **options: Any) -> PtrackASGIMiddleware:
    given = {"secret": SECRET, "app_url": HOST, "pixels": (), "prefix": "/ptrack/"}
    return PtrackASGIMiddleware(inner, **(given | options))


def make_path(middleware: PtrackASGIMiddleware, *args: Any, **kwargs: Any) -> str:
    return middleware.pixel_url(*args, **kwargs).removeprefix(HOST)


def make_scope(path: str = "/", **changed: Any) -> dict[str, Any]:
    """Return a scope with everything that a server puts there."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("192.0.2.1", 50000),
        "server": ("127.0.0.1", 8000),
        **changed,
    }


async def never() -> Any:
    raise AssertionError("no part of a request is read")


async def send_request(middleware: Any, scope: dict[str, Any]) -> Answered:
    """Return the answer, if the specification allows it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await middleware(scope, never, send)
    start, body = sent
    assert start["type"] == "http.response.start"
    assert body["type"] == "http.response.body"
    assert not body.get("more_body")
    for name, value in start["headers"]:
        assert isinstance(name, bytes), name
        assert isinstance(value, bytes), value
        assert name == name.lower()
    return start["status"], start["headers"], body["body"]


def call(middleware: Any, path: str = "/", **changed: Any) -> Answered:
    return asyncio.run(send_request(middleware, make_scope(path, **changed)))


# -- a hit ----------------------------------------------------------------------------


def test_hit_runs_the_callbacks_and_gets_the_pixel(recorder):
    middleware = wrap()
    assert call(middleware, make_path(middleware, "a", self=1)) == (200, HEADERS, GIF)
    assert recorder.hits == [(("a",), {"self": 1})]


def test_link_leads_to_its_target(clicks):
    middleware = wrap()
    path = middleware.link_url("https://h.example/", "a").removeprefix(HOST)
    status, headers, body = call(middleware, path)
    assert (status, dict(headers)[b"location"], body) == (
        302,
        b"https://h.example/",
        b"",
    )
    assert clicks.hits == [("https://h.example/", ("a",), {})]


def test_callback_gets_a_webob_request_that_knows_meta(recorder):
    middleware = wrap()
    path = make_path(middleware)
    headers = [(b"user-agent", b"Mail/1"), (b"host", b"www.example.com")]
    call(middleware, path, headers=headers, query_string=b"q=1&q=%C3%A9")
    (request,) = recorder.requests
    assert isinstance(request, webob.Request)
    assert request.META is request.environ
    assert request.META["HTTP_USER_AGENT"] == request.headers["user-agent"] == "Mail/1"
    assert (request.method, request.path) == ("GET", path)
    assert request.GET.getall("q") == ["1", "é"]
    assert request.url == f"http://www.example.com{path}?q=1&q=%C3%A9"
    assert request.copy().META["PATH_INFO"] == path
    assert ptrack.hit(request) is ptrack.hit(request)


def test_passing_through_touches_nothing():
    """The app gets the same scope, receive and send; for other protocols too."""
    seen: list[Any] = []

    async def inner(*given: Any) -> None:
        seen.append(given)

    async def send(message: Any) -> None:
        raise AssertionError("the app's to call")

    scopes = [make_scope("/ptracker/"), {"type": "lifespan"}, {"type": "anything"}]
    scopes += [{"type": "websocket", "path": "/ptrack/x/"}]
    before = [dict(scope) for scope in scopes]
    for scope in scopes:
        asyncio.run(wrap(inner)(scope, never, send))
    assert scopes == before
    for scope, given in zip(scopes, seen, strict=True):
        assert given[0] is scope
        assert given[1:] == (never, send)


def test_exception_of_the_app_passes_through():
    async def inner(*_: Any) -> None:
        raise LookupError("the app's")

    with pytest.raises(LookupError, match="the app's"):
        call(wrap(inner))


@pytest.mark.parametrize("path", ["/", "/ptrack", "/ptracker/x/", "/page?ptrack"])
def test_every_other_path_is_the_app_s_own(path):
    assert call(wrap(), path)[2] == b"the app's own"


def test_answer_is_the_same_for_every_token(recorder):
    middleware = wrap()
    forged = TokenBox("other").encrypt("a")
    valid = make_path(middleware, "a")
    ends = [valid, valid[:-1], f"/ptrack/{forged}/", "/ptrack/", "/ptrack/x//y"]
    for path in (*ends, "/ptrack/" + "A" * 60000):
        assert call(middleware, path) == (200, HEADERS, GIF)
    assert len(recorder.hits) == 2


def test_headers_are_a_list_that_a_middleware_may_change():
    middleware = wrap()
    call(middleware, "/ptrack/x")[1].clear()
    assert call(middleware, "/ptrack/x")[1] == HEADERS


def test_head_has_the_same_headers_no_body_and_records_nothing(recorder):
    middleware = wrap()
    path = make_path(middleware, "a")
    assert call(middleware, path, method="HEAD") == (200, HEADERS, b"")
    assert not recorder.hits


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "PATCH", "DELETE", ""])
def test_other_methods_are_not_allowed_and_record_nothing(recorder, method):
    middleware = wrap()
    answer = call(middleware, make_path(middleware, "a"), method=method)
    assert (answer[0], answer[2]) == (405, PIXEL.not_allowed.body)
    assert dict(answer[1])[b"allow"] == b"GET, HEAD"
    assert not recorder.hits


# -- the request ----------------------------------------------------------------------


def receive_request(recorder: Any, **changed: Any) -> Any:
    """Return the request that a callback gets of such a scope."""
    recorder.forget()
    middleware = wrap()
    call(middleware, **({"path": make_path(middleware)} | changed))
    (request,) = recorder.requests
    return request


def test_environ_is_that_of_pep_3333(recorder):
    environ = receive_request(
        recorder,
        headers=[
            (b"content-type", b"text/plain"),
            (b"content-length", b"0"),
            (b"x-two", b"a"),
            (b"cookie", b"a=1"),
            (b"x-two", b"b \xe9"),
            (b"cookie", b"b=2"),
            (b"x_forged", b"c"),
        ],
        scheme="https",
        http_version="2",
    ).META
    path = environ.pop("PATH_INFO")
    assert path.startswith("/ptrack/")
    assert environ.pop("wsgi.input").read() == b""
    assert environ.pop("wsgi.errors").write
    assert environ == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/2",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "CONTENT_TYPE": "text/plain",
        "HTTP_X_TWO": "a,b \xe9",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def test_path_is_as_wsgi_has_it_bytes_as_latin_1(recorder):
    middleware = wrap(prefix="/é/", app_url=f"{HOST}/ü")
    path = "/é/" + make_path(middleware).rsplit("/", 2)[1]
    assert call(middleware, f"/ü{path}", root_path="/ü")[2] == GIF
    (request,) = recorder.requests
    assert request.META["SCRIPT_NAME"] == "/ü".encode().decode("latin-1")
    assert request.META["PATH_INFO"] == path.encode().decode("latin-1")
    assert request.path_info == path
    assert request.path.startswith("/%C3%BC/%C3%A9/")


@pytest.mark.parametrize(
    ("root", "before", "mount"),
    [
        ("/at", "/at", "/at"),
        ("/at/", "/at", "/at"),
        ("/a/b", "/a/b", "/a/b"),
        # Some servers leave it out of the path.
        ("/at", "", "/at"),
        ("/", "", ""),
    ],
)
def test_mounted_app_is_matched_below_its_mount(recorder, root, before, mount):
    middleware = wrap()
    path = make_path(middleware)
    assert call(middleware, before + path, root_path=root)[2] == GIF
    (request,) = recorder.requests
    assert request.META["SCRIPT_NAME"] == mount
    assert request.META["PATH_INFO"] == path
    assert request.path == mount + path


@pytest.mark.parametrize("path", ["/at", "/at/page", "/atptrack/x", "/other/ptrack/x"])
def test_other_paths_of_a_mounted_app_are_its_own(path):
    assert call(wrap(), path, root_path="/at")[2] == b"the app's own"


def test_path_that_only_starts_like_the_mount_is_whole():
    """If the prefix is the whole host, that path is a token."""
    assert call(wrap(prefix="/"), "/attoken", root_path="/at")[2] == GIF


def test_unix_socket_has_no_port(recorder):
    socket: Any = {"server": ("/run/s", None), "client": None}
    request = receive_request(recorder, headers=[], **socket)
    assert "REMOTE_ADDR" not in request.META
    assert request.META["SERVER_PORT"] == "80"
    assert request.client_addr is None
    assert request.host_url


# -- broken requests ------------------------------------------------------------------

OPTIONAL = ("http_version", "scheme", "raw_path", "query_string", "root_path")
OPTIONAL += ("headers", "client", "server", "asgi")


@pytest.mark.parametrize("missing", [*OPTIONAL, "all"])
@pytest.mark.parametrize("absent", [True, False])
def test_scope_without_optional_parts_is_answered(clicks, missing, absent):
    """A callback can read its request all the same."""
    middleware = wrap(link_query=True, honour_gpc=True)
    path = middleware.link_url("https://h.example/").removeprefix(HOST)
    scope = make_scope(path)
    for name in OPTIONAL if missing == "all" else [missing]:
        scope[name] = None
        if absent:
            del scope[name]
    assert asyncio.run(send_request(middleware, scope))[0] == 302
    (request,) = clicks.requests
    assert request.url.startswith("http://")
    assert request.META["REQUEST_METHOD"] == request.method == "GET"
    assert (dict(request.GET), request.META["QUERY_STRING"]) == ({}, "")
    assert request.META["SERVER_PROTOCOL"].startswith("HTTP/")


@pytest.mark.parametrize("pair", [(), ("h",), (None, None), ["h", 1, 2], ("", 0)])
def test_address_of_any_shape_is_taken(recorder, pair):
    request = receive_request(recorder, client=pair, server=pair)
    assert request.META["SERVER_NAME"]
    assert request.META["SERVER_PORT"]


def test_scope_without_required_parts_is_answered():
    assert asyncio.run(send_request(wrap(), {"type": "http"}))[2] == b"the app's own"
    scope = {"type": "http", "path": "/ptrack/x"}
    assert asyncio.run(send_request(wrap(), scope))[0] == 405
    assert asyncio.run(send_request(mirror(secret=SECRET), {"type": "http"}))[0] == 404


def test_body_is_left_to_the_server_and_looks_empty(recorder):
    middleware = wrap()
    headers = [(b"content-length", b"5"), (b"content-type", b"text/plain")]
    call(middleware, make_path(middleware), headers=headers)
    (request,) = recorder.requests
    assert request.body == b""
    assert request.META["CONTENT_TYPE"] == "text/plain"


def test_scope_whose_method_is_none_is_answered():
    assert call(wrap(), "/ptrack/x", method=None)[0] == 405


@pytest.mark.parametrize("kind", ["pixel", "link"])
def test_headers_that_can_be_read_once_are_read_once(recorder, clicks, kind):
    """They may be any iterable. Objections and parameters are read of them, too."""
    middleware = wrap(honour_gpc=True, link_query=True)
    url = middleware.pixel_url() if kind == "pixel" else middleware.link_url(HOST)
    headers = iter([(b"user-agent", b"Mail/1")])
    call(middleware, url.removeprefix(HOST), headers=headers)
    (request,) = [*recorder.requests, *clicks.requests]
    assert request.META["HTTP_USER_AGENT"] == "Mail/1"


def test_scope_that_no_server_makes_is_a_type_error():
    """WebOb would look for an attribute without end."""
    request = PixelRequest.from_scope(make_scope(query_string="text"))
    with pytest.raises(TypeError, match="not an ASGI scope"):
        request.META  # noqa: B018 - the property fails


def test_headers_of_any_bytes_are_read(recorder):
    every = bytes(range(256))
    headers = [(every, every), (b"", b""), (b"\xff", b"\x00"), (b"x", every)]
    request = receive_request(recorder, headers=headers, query_string=every)
    assert request.META["HTTP_X"] == every.decode("latin-1")
    assert request.META["QUERY_STRING"] == every.decode("latin-1")


def test_method_in_lower_case_is_as_in_django(recorder):
    request = receive_request(recorder, method="get")
    assert request.method == request.META["REQUEST_METHOD"] == "GET"


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        ("", False),
        ("/ptrack/\x00", True),
        ("/ptrack/\udcff\ud800", True),
        ("/ptrack/\ufffd", True),
        ("/ptrack/\U0001f600", True),
        ("/ptrack/link/\udcff", True),
        ("\udcff", False),
        ("no slash", False),
    ],
)
def test_path_that_is_broken_is_answered(recorder, path, is_ours):
    for root_path in ("", "/\udcff"):
        status, _, body = call(wrap(), path, root_path=root_path)
        assert status == (404 if "link" in path else 200)
        assert (body != b"the app's own") is is_ours
    assert not recorder.hits


def test_callback_sees_lone_surrogates_as_some_bytes(recorder):
    class Everything:
        encrypt = staticmethod(lambda *args, **kwargs: "x")
        decrypt = staticmethod(lambda token: ([token], {}))

    call(wrap(encoder=Everything), "/ptrack/\udcff")
    assert recorder.requests[0].META["PATH_INFO"] == "/ptrack/\xed\xb3\xbf"


# -- callbacks ------------------------------------------------------------------------


def test_async_callback_is_awaited_in_the_loop_and_sync_ones_are_not_in_it(own_tracker):
    seen: list[Any] = []

    @own_tracker.register
    class Sync(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append((threading.current_thread(), args, request.META["PATH_INFO"]))

    @own_tracker.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            seen.append((threading.current_thread(), args, request.META["PATH_INFO"]))

    middleware = wrap(tracker=own_tracker)
    path = make_path(middleware, "a")
    call(middleware, path)
    (other, *first), (this, *second) = seen
    assert first == second == [("a",), path]
    assert this is threading.current_thread() is not other


def test_sync_callbacks_of_two_requests_run_side_by_side(own_tracker):
    """Each waits for the other: in turn, both would fail."""
    barrier = threading.Barrier(2, timeout=10)

    @own_tracker.register
    class Waiting(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            barrier.wait()

    middleware = wrap(tracker=own_tracker)
    scope = make_scope(make_path(middleware))

    async def send_both() -> list[Answered]:
        return await asyncio.gather(
            send_request(middleware, scope), send_request(middleware, scope)
        )

    assert [body for _, _, body in asyncio.run(send_both())] == [GIF, GIF]
    assert not barrier.broken


def test_failing_callback_costs_neither_the_pixel_nor_the_others(own_tracker, caplog):
    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise LookupError("on purpose")

    with register_recorder(own_tracker) as recorder:
        middleware = wrap(tracker=own_tracker)
        assert call(middleware, make_path(middleware))[2] == GIF
    assert len(recorder.hits) == 1
    assert "Failing failed" in caplog.text


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_request_that_is_cancelled_is_recorded_and_then_is_cancelled(own_tracker, kind):
    """Django does that if the client has gone away, and servers that shut down."""
    begun, released = threading.Event(), threading.Event()
    recorded: list[str] = []

    class Slow(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            begun.set()
            assert released.wait(10)
            recorded.append("sync")

    class AsyncSlow(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            begun.set()
            await asyncio.to_thread(released.wait, 10)
            recorded.append("async")

    class Last(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            recorded.append("last")

    own_tracker.register(Slow if kind == "sync" else AsyncSlow)
    own_tracker.register(Last)
    middleware = wrap(tracker=own_tracker)

    async def break_off() -> None:
        scope = make_scope(make_path(middleware, "a"))
        request = asyncio.ensure_future(send_request(middleware, scope))
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(3):
            request.cancel()
            await asyncio.sleep(0.001)
        assert recorded == []
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(break_off())
    assert recorded == [kind, "last"]


def test_client_that_has_gone_away_is_no_error(recorder):
    """Servers may raise OSError then: "HTTP", "Disconnected Client" in the spec."""
    middleware = wrap()

    async def send(message: Any) -> None:
        raise ConnectionResetError

    asyncio.run(middleware(make_scope(make_path(middleware)), never, send))
    assert len(recorder.hits) == 1


def test_hit_under_trio_runs_the_callbacks_too(own_tracker):
    """Hypercorn can have such a loop. The answer is the same for every token."""
    seen: list[str] = []

    @own_tracker.register
    class Sync(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(request.META["PATH_INFO"])

    @own_tracker.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            seen.append(request.META["PATH_INFO"])

    middleware = wrap(tracker=own_tracker)
    path = make_path(middleware, "a")
    found = trio.run(send_request, middleware, make_scope(path))
    assert found == (200, HEADERS, GIF)
    assert seen == [path, path]
    assert trio.run(send_request, middleware, make_scope("/ptrack/forged")) == found
    assert trio.run(send_request, middleware, make_scope("/"))[2] == b"the app's own"


# -- options --------------------------------------------------------------------------


def test_tracker_that_is_given_is_used_alone(recorder):
    own = Tracker()
    middleware = wrap(tracker=own)
    with register_recorder(own) as mine:
        call(middleware, make_path(middleware))
    assert len(mine.hits) == 1
    assert not recorder.hits


# -- a mirror -------------------------------------------------------------------------


def test_mirror_answers_pixels_and_nothing_else(recorder):
    made = mirror(secret=SECRET, prefix="/ptrack/")
    token = TokenBox(SECRET).encrypt("a")
    assert call(made, f"/ptrack/{token}/")[2] == GIF
    assert recorder.hits == [(("a",), {})]
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"10")]
    assert call(made, "/") == (404, headers, b"Not Found\n")
    assert call(made, "/x", method="POST")[0] == 404
    assert call(made, "/", method="HEAD") == (404, headers, b"")


def exchange(scope: dict[str, Any], incoming: Iterable[str]) -> list[str]:
    """Return the types of the messages that a mirror sends, for some that come in."""
    sent: list[str] = []
    events = iter(incoming)

    async def receive() -> Any:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(mirror(secret=SECRET)(scope, receive, send))
    assert list(events) == []
    return sent


def test_mirror_lives_as_long_as_its_server():
    incoming = ["lifespan.startup", "lifespan.shutdown"]
    assert exchange({"type": "lifespan"}, incoming) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_mirror_accepts_no_websocket():
    scope = {"type": "websocket", "path": "/ptrack/x/"}
    assert exchange(scope, ["websocket.connect"]) == ["websocket.close"]


def test_other_protocol_is_an_error_in_a_mirror():
    """Servers rely on it: the specification, "Applications"."""
    with pytest.raises(ValueError, match="a mirror doesn't speak ftp"):
        exchange({"type": "ftp"}, [])
