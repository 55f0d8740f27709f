"""ptrack.urls behind a pattern that takes all paths."""

from django.urls import include, path

from .empty import page

urlpatterns = [path("<path:any>", page), path("track/", include("ptrack.urls"))]
