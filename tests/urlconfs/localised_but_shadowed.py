"""ptrack.urls below the language of the page, behind a pattern that takes all paths."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from .empty import page

urlpatterns = i18n_patterns(
    path("<path:any>", page), path("track/", include("ptrack.urls"))
)
