"""ptrack.views: the view alone, at a pattern of the site's own."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

import ptrack
from ptrack.pixel import GIF
from ptrack.views import TrackingPixel


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
