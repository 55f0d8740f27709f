"""ptrack.urls beside the site's own pages, for one site behind every adapter."""

from django.urls import include, path

from . import empty

urlpatterns = [path("ptrack/", include("ptrack.urls")), *empty.urlpatterns]
