"""A site that leaves pixels to the middleware."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path


def page(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse(f"page {request.path_info}")


urlpatterns = [
    path("page/", page),
    path("ptrack", page),
    re_path(r"^ptracker/.*$", page),
]
