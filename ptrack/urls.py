"""ptrack in a URLconf: ``path("ptrack/", include("ptrack.urls"))``."""

from typing import Any

from django.urls import path, register_converter

from . import endpoints
from .urlconf import TOKEN_ARGUMENT, URL_NAME
from .views import TrackingPixel


class TokenConverter:
    """Matches all the rest of the path, with or without its slash at the end.

    Included at the site's root, it takes the paths that django-ptrack 3.0.0 took there:
    those that end in a slash. All others, the home page too, belong to the site, unless
    they hold a token that was damaged.
    """

    regex = r"(?s:.*)"

    def to_python(self, value: str) -> str:
        """Return the token; with a ``ValueError``, Django tries the next pattern."""
        if value.endswith("/"):
            return value[:-1]
        endpoint = endpoints.get_django_endpoint()
        if endpoint.shared and not endpoint.recognises(value):
            raise ValueError("a page of the site")
        return value

    def to_url(self, value: Any) -> str:
        """Return the end of the path."""
        return f"{value}/"


register_converter(TokenConverter, "ptrack_token")

urlpatterns = [
    path(
        f"<ptrack_token:{TOKEN_ARGUMENT}>",
        TrackingPixel.as_view(),
        name=URL_NAME,
    ),
]
