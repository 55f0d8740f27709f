"""ptrack.urls below the language of the page, unless that is the default one."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(
    path("track/", include("ptrack.urls")), prefix_default_language=False
)
