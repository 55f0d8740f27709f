"""ptrack.views: the view alone, at a pattern of the site's own."""

from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

import ptrack
from ptrack.core.answers import GIF
from ptrack.views import TrackingPixel
from tests.recording import emptied
from tests.stats.site import ALIAS, Database, open_now


class Counting(TrackingPixel):
    """As a site may have derived from django-ptrack 3.0.0's view."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        response["X-Mine"] = "yes"
        return response


def test_view_takes_the_token_by_its_argument_of_300(recorder):
    token = ptrack.PtrackEncoder.encrypt("a")
    view = TrackingPixel.as_view()
    response = view(RequestFactory().get("/any/where"), ptrack_encoded_data=token)
    assert response.content == GIF
    assert recorder.hits == [(("a",), {})]


def test_derived_view_can_change_the_answer(recorder):
    token = ptrack.PtrackEncoder.encrypt("a")
    response = Counting.as_view()(RequestFactory().get("/"), ptrack_encoded_data=token)
    assert response.content == GIF
    assert response["X-Mine"] == "yes"
    assert len(recorder.hits) == 1


def test_request_without_a_method_is_answered():
    request = RequestFactory().get("/")
    request.method = None
    view = TrackingPixel()
    view.setup(request)
    assert view.get(request, ptrack_encoded_data="x").status_code == 405


# -- transactions ---------------------------------------------------------------------


class Writing(TrackingPixel):
    """What a site may have derived, and does something in the request's transaction."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert connections[ALIAS].in_atomic_block
        return super().get(request, *args, **kwargs)


@pytest.fixture
def atomic(opens: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A site with a transaction for each request."""
    monkeypatch.setitem(connections.settings[ALIAS], "ATOMIC_REQUESTS", True)
    return opens


@pytest.mark.parametrize("view", [TrackingPixel, Writing])
def test_callback_that_fails_undoes_nothing_of_the_others(
    atomic: Database, view: Any, caplog: pytest.LogCaptureFixture
):
    """Each has a transaction of its own; the request's would be one for all."""
    from ptrack.opens.models import Open

    class Kept(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            assert connections[ALIAS].in_atomic_block
            open_now(key="kept").save(force_insert=True)

    class Broken(Kept):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            row = open_now(key="broken")
            for _ in range(2):
                row.save(force_insert=True)

    class Later(Kept):
        pass

    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(args)

    seen: list[Any] = []
    route = path("<ptrack_encoded_data>", view.as_view())
    with emptied(ptrack.tracker), override_settings(ROOT_URLCONF=(route,)):
        for pixel in (Kept, Broken, Later, Async):
            ptrack.tracker.register(pixel)
        token = ptrack.PtrackEncoder.encrypt("a")
        with override_settings(MIDDLEWARE=[]):
            assert Client().get(f"/{token}").content == GIF
    assert [each.getMessage().split(".")[-1] for each in caplog.records] == [
        "Broken failed"
    ]
    assert list(Open.objects.values_list("key", flat=True)) == ["kept", "kept"]
    assert seen == [("a",)]


def test_click_has_a_transaction_likewise(atomic: Database):
    seen: list[bool] = []

    class Clicks(ptrack.TrackingLink):
        def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
            seen.append(connections[ALIAS].in_atomic_block)

    url = ptrack.link_url("https://h.example/").partition("/ptrack/")[2]
    route = path("<path:ptrack_encoded_data>", TrackingPixel.as_view())
    with emptied(ptrack.tracker), override_settings(ROOT_URLCONF=(route,)):
        ptrack.tracker.register(Clicks)
        with override_settings(MIDDLEWARE=[]):
            assert Client().get(f"/{url.rstrip('/')}").status_code == 302
    assert seen == [True]
