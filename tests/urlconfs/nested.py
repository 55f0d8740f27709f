"""ptrack.urls in an include within an include."""

from django.urls import include, path

urlpatterns = [
    path("a/", include([path("b ü/", include("ptrack.urls"))])),
]
