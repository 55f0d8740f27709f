"""ptrack.wsgi around the real frameworks, Django's own application included."""

from collections.abc import Callable
from typing import Any
from wsgiref.validate import validator

import bottle
import falcon
import flask
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from pyramid.config import Configurator
from pyramid.response import Response
from webtest import TestApp as WebTest

from ptrack.core.answers import GIF
from ptrack.wsgi import PtrackWSGIMiddleware

PAGE = "a page of the app"


def make_flask_app() -> Any:
    app = flask.Flask("shop")
    app.add_url_rule("/page", view_func=lambda: PAGE, endpoint="page")
    return app


def make_pyramid_app() -> Any:
    with Configurator() as config:
        config.add_route("page", "/page")
        config.add_view(lambda request: Response(PAGE), route_name="page")
    return config.make_wsgi_app()


def make_bottle_app() -> Any:
    app = bottle.Bottle()
    app.route("/page", callback=lambda: PAGE)
    return app


class FalconPage:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.text = PAGE


def make_falcon_app() -> Any:
    app = falcon.App()
    app.add_route("/page", FalconPage())
    return app


@pytest.mark.parametrize(
    "make", [make_flask_app, make_pyramid_app, make_bottle_app, make_falcon_app]
)
def test_framework_keeps_its_pages_and_pixels_are_answered(
    make: Callable[[], Any], recorder
):
    app = PtrackWSGIMiddleware(
        make(),
        secret="s" * 32,
        app_url="http://localhost",
        prefix="/ptrack/",
        pixels=(),
    )
    client = WebTest(validator(app), lint=True)
    assert client.get("/page").text == PAGE
    assert client.get("/none", status=404).status_code == 404
    path = app.pixel_url("a", key=1).removeprefix("http://localhost")
    assert client.get(path).body == GIF
    assert recorder.hits == [(("a",), {"key": 1})]


@override_settings(MIDDLEWARE=[])
def test_django_application_is_configured_by_its_settings(recorder):
    app = PtrackWSGIMiddleware(get_wsgi_application())
    client = WebTest(validator(app), lint=True)
    path = app.pixel_url("a").removeprefix("https://www.example.com")
    assert client.get(path).body == GIF
    assert client.get("/page/").text == "page /page/"
    assert recorder.hits == [(("a",), {})]


@override_settings(MIDDLEWARE=[], ROOT_URLCONF="tests.urlconfs.root")
def test_django_site_with_pixels_at_its_root_keeps_its_pages(recorder):
    app = PtrackWSGIMiddleware(get_wsgi_application())
    client = WebTest(app)
    assert client.get("/about").text == "page /about"
    path = app.pixel_url("a").removeprefix("https://www.example.com")
    assert client.get(path).body == GIF
    assert recorder.hits == [(("a",), {})]
