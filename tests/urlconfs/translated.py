"""ptrack.urls at a path that is translated, with no language before it."""

from django.urls import include, path
from django.utils.translation import gettext_lazy

below = [path("/", include("ptrack.urls"))]
# A text that Django has translated.
urlpatterns = [path(gettext_lazy("Monday"), include(below))]
