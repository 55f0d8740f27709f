"""One page."""

from django.http import HttpRequest, HttpResponse
from django.urls import re_path

from tools.soak.places import PAGE


def page(request: HttpRequest) -> HttpResponse:
    """Answer for any page that isn't a pixel."""
    return HttpResponse(PAGE)


urlpatterns = [re_path("", page)]
