"""ptrack.urls in a namespace, where reverse("ptrack") doesn't find it."""

from django.urls import include, path

urlpatterns = [path("ns/", include(("ptrack.urls", "mine"), namespace="mine"))]
