"""ptrack.urls at the empty prefix, before the site's own pages."""

from django.urls import include, path

from .empty import page

urlpatterns = [
    path("first/", page),
    path("", include("ptrack.urls")),
    path("", page),
    path("about", page),
]
