"""ptrack.urls at the default prefix."""

from django.urls import include, path

urlpatterns = [path("ptrack/", include("ptrack.urls"))]
