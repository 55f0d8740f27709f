"""The URLconf form: ``path("ptrack/", include("ptrack.urls"))``."""

from typing import Any

from django.urls import path, register_converter

from . import conf
from .urlconf import TOKEN_ARGUMENT, URL_NAME
from .views import TrackingPixel


class TokenConverter:
    """All that follows in the path, with or without its slash at the end.

    Included at the site's root, it takes what django-ptrack 3.0.0 took there: paths
    that end in a slash. All others, the home page too, are the site's own.
    """

    regex = r"(?s:.*)"

    def to_python(self, value: str) -> str:
        """Give the token; ``ValueError`` is Django's word for "not this pattern"."""
        if value.endswith("/"):
            return value[:-1]
        if conf.django_endpoint().shared:
            raise ValueError("a page of the site")
        return value

    def to_url(self, value: Any) -> str:
        """Give the end of the path."""
        return f"{value}/"


register_converter(TokenConverter, "ptrack_token")

urlpatterns = [
    path(
        f"<ptrack_token:{TOKEN_ARGUMENT}>",
        TrackingPixel.as_view(),
        name=URL_NAME,
    ),
]
