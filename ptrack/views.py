"""The view behind ``ptrack.urls``."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from . import conf
from .http import to_response
from .pixel import GIF
from .places import TOKEN_ARGUMENT

TRANSPARENT_1_PIXEL_GIF = GIF


# Exempt: a method that isn't allowed is to be answered as such, not as a forgery.
@method_decorator(csrf_exempt, name="dispatch")
class TrackingPixel(View):
    """Answers a pixel that the URLconf routed here, as the middleware would."""

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
