"""ptrack.views: the view alone, at a pattern of the site's own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

import ptrack
from ptrack.core.answers import GIF
from ptrack.views import TrackingPixel
from tests.recording import empty_tracker


class Counting(TrackingPixel):
    """A view as a site may have derived it from django-ptrack 3.0.0's."""

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
    """A view that needs the request's transaction, as a site may have derived it."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert connection.in_atomic_block
        return super().get(request, *args, **kwargs)


@pytest.fixture
def table(django_db_blocker: Any) -> Iterator[None]:
    """Yield a database in memory, with a table of texts, none of them twice."""
    with django_db_blocker.unblock():
        execute("CREATE TABLE seen (name text PRIMARY KEY)")
        yield
        # Django keeps a database in memory open; for other tests, none is.
        connection.connection.close()
        del connections["default"]


def execute(statement: str, *parameters: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def write(name: str) -> None:
    assert connection.in_atomic_block
    execute("INSERT INTO seen VALUES (%s)", name)


@pytest.fixture(params=[TrackingPixel, Writing])
def atomic_site(
    request: pytest.FixtureRequest, table: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    """Yield a client of a site that has no callbacks, and a transaction per request."""
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)
    route = path("ptrack/<path:ptrack_encoded_data>/", request.param.as_view())
    with (
        empty_tracker(ptrack.tracker),
        override_settings(ROOT_URLCONF=(route,), MIDDLEWARE=[]),
    ):
        yield Client()


def test_callback_that_fails_undoes_nothing_of_the_others(
    atomic_site: Client, caplog: pytest.LogCaptureFixture
):
    """Each has a transaction of its own; the request's would be one for all."""
    seen: list[Any] = []

    @ptrack.tracker.register
    class First(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            write("first")

    @ptrack.tracker.register
    class Failing(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            write("failing")
            write("failing")

    @ptrack.tracker.register
    class Later(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            write("later")

    @ptrack.tracker.register
    class Async(ptrack.TrackingPixel):
        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(args)

    token = ptrack.PtrackEncoder.encrypt("a")
    assert atomic_site.get(f"/ptrack/{token}/").content == GIF
    assert [each.getMessage().rpartition(".")[2] for each in caplog.records] == [
        "Failing failed"
    ]
    assert execute("SELECT name FROM seen ORDER BY name") == [("first",), ("later",)]
    assert seen == [("a",)]


@pytest.mark.parametrize("atomic_site", [TrackingPixel], indirect=True)
def test_transaction_of_a_callback_ends_with_it(atomic_site: Client):
    """It isn't a part of the request's transaction, which a derived view may need."""
    seen: list[str] = []

    @ptrack.tracker.register
    class First(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            transaction.on_commit(lambda: seen.append("commit"))

    @ptrack.tracker.register
    class Second(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append("second")

    token = ptrack.PtrackEncoder.encrypt()
    atomic_site.get(f"/ptrack/{token}/")
    assert seen == ["commit", "second"]


def test_callback_of_a_link_has_a_transaction_too(atomic_site: Client):
    @ptrack.tracker.register
    class Clicks(ptrack.TrackingLink):
        def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
            write(url)

    url = ptrack.link_url("https://target.example/")
    path = url.removeprefix("https://www.example.com")
    assert atomic_site.get(path).status_code == 302
    assert execute("SELECT name FROM seen") == [("https://target.example/",)]


def test_site_without_transactions_for_requests_has_none_for_callbacks(table):
    seen: list[bool] = []

    class Plain(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(connection.in_atomic_block)

    with empty_tracker(ptrack.tracker):
        ptrack.tracker.register(Plain)
        view = TrackingPixel.as_view()
        token = ptrack.PtrackEncoder.encrypt()
        view(RequestFactory().get("/"), ptrack_encoded_data=token)
    assert seen == [False]
