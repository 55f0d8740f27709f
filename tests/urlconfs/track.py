"""ptrack.urls at a place of the site's choice."""

from django.urls import include, path, re_path

from .empty import page

urlpatterns = [
    re_path(r"^track/", include("ptrack.urls")),
    path("page/", page),
]
