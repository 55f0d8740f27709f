"""A URLconf that makes a pixel while it is being imported."""

from django.urls import include, path

import ptrack

EARLY = ptrack.pixel_url("early")

urlpatterns = [path("track/", include("ptrack.urls"))]
