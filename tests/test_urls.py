"""ptrack.urls and ptrack.views: the URLconf form, without the middleware."""

import asyncio
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings
from django.urls import resolve, reverse
from django.views.generic import View

import ptrack
from ptrack.core.answers import GIF, PIXEL_IMAGE
from ptrack.views import TRANSPARENT_1_PIXEL_GIF, TrackingPixel

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]

pytestmark = [pytest.mark.usefixtures("without_middleware")]


@pytest.fixture
def without_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = MIDDLEWARE
    settings.ROOT_URLCONF = "tests.urlconfs.included"


def get(path: str) -> Any:
    return Client().get(path)


def make_path(*args: Any, **kwargs: Any) -> str:
    return ptrack.pixel_url(*args, **kwargs).removeprefix("https://www.example.com")


def test_hit_runs_the_callbacks_and_gets_the_pixel(recorder):
    response = get(make_path("a", key="value"))
    assert (response.status_code, response.content) == (200, GIF)
    assert recorder.hits == [(("a",), {"key": "value"})]
    for name, value in PIXEL_IMAGE.headers:
        assert response.headers[name] == value


def test_hit_runs_the_callbacks_under_async_too(recorder):
    seen = []

    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(args)

    ptrack.tracker.register(Async)
    try:
        assert asyncio.run(AsyncClient().get(make_path("a"))).content == GIF
    finally:
        ptrack.tracker.unregister(Async)
    assert seen == [("a",)]
    assert len(recorder.hits) == 1


@pytest.mark.parametrize(
    "path",
    ["/ptrack/", "/ptrack/x", "/ptrack/x/", "/ptrack/a//b/", "/ptrack/%0A%00%FF"],
)
def test_anything_under_the_prefix_gets_the_pixel_and_no_redirect(recorder, path):
    assert get(path).content == GIF
    assert not recorder.hits


def test_slash_at_the_end_is_optional(recorder):
    assert get(make_path("a")[:-1]).content == GIF
    assert recorder.hits == [(("a",), {})]


def test_prefix_without_its_slash_and_longer_words_are_the_site_s_own():
    assert get("/ptrack").status_code == 301
    assert get("/ptracker/x/").status_code == 404


def test_head_records_nothing(recorder):
    response = Client().head(make_path("a"))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == "43"
    assert not recorder.hits


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "TRACE", "X"])
def test_other_methods_are_not_allowed_and_not_taken_for_forgeries(recorder, method):
    response = Client(enforce_csrf_checks=True).generic(method, make_path("a"))
    assert (response.status_code, response.content) == (405, b"Method Not Allowed\n")
    assert response.headers["Allow"] == "GET, HEAD"
    assert not recorder.hits


@override_settings(ROOT_URLCONF="tests.urlconfs.root")
@pytest.mark.parametrize(
    ("path", "page"),
    [("/", b"page /"), ("/about", b"page /about"), ("/first/", b"page /first/")],
)
def test_at_the_root_it_takes_the_paths_that_300_took(recorder, path, page):
    """These end in a slash and come after the include; the home page isn't one."""
    assert get(path).content == page
    assert get("/anything/at/all/").content == GIF
    assert get(make_path("a")).content == GIF
    assert recorder.hits == [(("a",), {})]


@override_settings(ROOT_URLCONF="ptrack.urls")
def test_ptrack_urls_can_be_the_urlconf_itself(recorder):
    assert get(make_path("a")).content == GIF
    assert len(recorder.hits) == 1


@pytest.mark.parametrize("urlconf", ["track", "nested", "localised", "own_view"])
def test_urls_lead_to_the_place_of_the_include(recorder, urlconf):
    with override_settings(ROOT_URLCONF=f"tests.urlconfs.{urlconf}"):
        assert get(make_path("a")).content == GIF
    assert recorder.hits == [(("a",), {})]


def test_reverse_works_by_the_name_and_the_argument_of_300():
    url = reverse("ptrack", kwargs={"ptrack_encoded_data": "abc-_="})
    assert url == "/ptrack/abc-_=/"
    assert resolve(url).kwargs == {"ptrack_encoded_data": "abc-_="}


def test_view_and_gif_are_importable_by_their_names_of_300():
    assert issubclass(TrackingPixel, View)
    assert callable(TrackingPixel.as_view())
    assert TRANSPARENT_1_PIXEL_GIF == GIF
