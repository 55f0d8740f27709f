"""The view at a pattern of the site's own, with an ending of its own."""

from django.urls import re_path

from ptrack.views import TrackingPixel

urlpatterns = [
    re_path(
        r"^img/(?P<ptrack_encoded_data>[\w=-]+)\.gif$",
        TrackingPixel.as_view(),
        name="ptrack",
    ),
]
