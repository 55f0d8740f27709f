"""The view behind ``ptrack.urls``."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from . import conf
from .http import to_response
from .pixel import GIF
from .places import TOKEN_ARGUMENT

TRANSPARENT_1_PIXEL_GIF = GIF


class TrackingPixel(View):
    """Answers a pixel that the URLconf routed here, as the middleware would."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Give the function for a URLconf, which is exempt from CSRF's check.

        A method that isn't allowed is to be answered as such, not as a forgery.
        """
        # Around the function, once: around a method, Django wraps it at every call.
        return csrf_exempt(super().as_view(**initkwargs))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer, and run the callbacks if it is a hit.

        Args:
            request: Of any method: which do what is the endpoint's to say.
            args: Not used.
            kwargs: ``ptrack_encoded_data``, the token.
        """
        answer = conf.django_endpoint().answer(
            request.method or "", kwargs[TOKEN_ARGUMENT], lambda: request
        )
        return to_response(answer)

    head = options = http_method_not_allowed = get
