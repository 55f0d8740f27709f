"""ptrack.asgi around the real frameworks, Django's own application included."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import litestar
import pytest
import quart
from django.core.asgi import get_asgi_application
from django.test import override_settings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient as Client
from starlette.websockets import WebSocket

from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest

PAGE = "a page of the app"
SECRET = "s" * 32
OPTIONS: dict[str, Any] = {
    "secret": SECRET,
    "app_url": "http://localhost",
    "prefix": "/ptrack/",
    "pixels": (),
}
Events = list[str]
Make = Callable[[Events], Any]


def make_lifespan(events: Events) -> Callable[[Any], Any]:
    """Return a lifespan for FastAPI, Starlette and Litestar."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        events.append("startup")
        yield
        events.append("shutdown")

    return lifespan


def wrap(app: Any) -> PtrackASGIMiddleware:
    return PtrackASGIMiddleware(app, **OPTIONS)


def make_fastapi_app(events: Events) -> fastapi.FastAPI:
    app = fastapi.FastAPI(lifespan=make_lifespan(events))

    @app.get("/page", response_class=PlainTextResponse)
    def page() -> str:
        return PAGE

    return app


async def starlette_page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(PAGE)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


ROUTES = [Route("/page", starlette_page), WebSocketRoute("/ptrack/echo", echo)]


def make_starlette_app(events: Events, **more: Any) -> Starlette:
    return Starlette(routes=ROUTES, lifespan=make_lifespan(events), **more)


def make_litestar_app(events: Events) -> litestar.Litestar:
    @litestar.get("/page", media_type=litestar.MediaType.TEXT, sync_to_thread=False)
    def page() -> str:
        return PAGE

    return litestar.Litestar([page], lifespan=[make_lifespan(events)])


def make_quart_app(events: Events) -> quart.Quart:
    app = quart.Quart("shop")
    app.add_url_rule("/page", view_func=lambda: PAGE, endpoint="page")
    app.before_serving(lambda: events.append("startup"))
    app.after_serving(lambda: events.append("shutdown"))
    return app


def add_to(make: Callable[[Events], Starlette]) -> Make:
    def with_middleware(events: Events) -> Starlette:
        app = make(events)
        app.add_middleware(PtrackASGIMiddleware, **OPTIONS)
        return app

    return with_middleware


def list_in_starlette(events: Events) -> Starlette:
    return make_starlette_app(
        events, middleware=[Middleware(PtrackASGIMiddleware, **OPTIONS)]
    )


def replace_in_quart(events: Events) -> quart.Quart:
    app = make_quart_app(events)
    app.asgi_app = wrap(app.asgi_app)  # type: ignore[method-assign]
    return app


def replace_in_litestar(events: Events) -> litestar.Litestar:
    app = make_litestar_app(events)
    app.asgi_handler = wrap(app.asgi_handler)
    return app


WAYS: dict[str, Make] = {
    "around FastAPI": lambda events: wrap(make_fastapi_app(events)),
    "in FastAPI": add_to(make_fastapi_app),
    "around Starlette": lambda events: wrap(make_starlette_app(events)),
    "in Starlette": add_to(make_starlette_app),
    "listed in Starlette": list_in_starlette,
    "around Litestar": lambda events: wrap(make_litestar_app(events)),
    "in Litestar": replace_in_litestar,
    "around Quart": lambda events: wrap(make_quart_app(events)),
    "in Quart": replace_in_quart,
}


def make_path(*args: Any, **kwargs: Any) -> str:
    return f"/ptrack/{TokenBox(SECRET).encrypt(*args, **kwargs)}/"


@pytest.mark.parametrize("way", WAYS)
def test_framework_keeps_its_pages_and_its_life_and_pixels_are_answered(way, recorder):
    events: Events = []
    with Client(WAYS[way](events)) as client:
        assert events == ["startup"]
        assert client.get("/page").text == PAGE
        assert client.get("/none").status_code == 404
        path = make_path("a", key=1)
        response = client.get(f"{path}?q=1", headers={"User-Agent": "Mail/1"})
        assert (response.status_code, response.content) == (200, GIF)
    assert events == ["startup", "shutdown"]
    assert recorder.hits == [(("a",), {"key": 1})]
    (request,) = recorder.requests
    assert isinstance(request, PixelRequest)
    assert (request.method, request.path) == ("GET", path)
    assert dict(request.GET) == {"q": "1"}
    assert request.headers["User-Agent"] == request.META["HTTP_USER_AGENT"] == "Mail/1"


@pytest.mark.parametrize("way", ["around Starlette", "in Starlette"])
def test_websocket_works_even_under_the_prefix(way):
    with Client(WAYS[way]([])) as client, client.websocket_connect("/ptrack/echo") as s:
        s.send_text("hello")
        assert s.receive_text() == "hello"


def test_app_that_is_mounted_answers_below_its_mount(recorder):
    """Starlette's mount is inside of the path and in ``root_path``."""
    inner = add_to(make_starlette_app)([])
    with Client(Starlette(routes=[Mount("/at", inner)])) as client:
        assert client.get(f"/at{make_path('a')}").content == GIF
        assert client.get("/at/page").text == PAGE
        assert client.get(make_path("b")).status_code == 404
    assert recorder.hits == [(("a",), {})]
    (request,) = recorder.requests
    assert request.META["SCRIPT_NAME"] == "/at"
    assert request.META["PATH_INFO"].startswith("/ptrack/")


@override_settings(MIDDLEWARE=[])
def test_django_application_is_configured_by_its_settings(recorder):
    app = PtrackASGIMiddleware(get_asgi_application())
    # Django knows no lifespan, so none is begun.
    client = Client(app, base_url="http://www.example.com")
    path = app.pixel_url("a").removeprefix("https://www.example.com")
    assert client.get(path).content == GIF
    assert client.get("/page/").text == "page /page/"
    assert recorder.hits == [(("a",), {})]


@override_settings(MIDDLEWARE=[], ROOT_URLCONF="tests.urlconfs.root")
def test_django_site_with_pixels_at_its_root_keeps_its_pages(recorder):
    app = PtrackASGIMiddleware(get_asgi_application())
    client = Client(app, base_url="http://www.example.com")
    assert client.get("/about").text == "page /about"
    path = app.pixel_url("a").removeprefix("https://www.example.com")
    assert client.get(path).content == GIF
    assert recorder.hits == [(("a",), {})]
