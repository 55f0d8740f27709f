"""The view behind ``ptrack.urls``."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from . import conf
from .core.answers import GIF
from .responses import to_response
from .urlconf import TOKEN_ARGUMENT

TRANSPARENT_1_PIXEL_GIF = GIF


class TrackingPixel(View):
    """Answers a pixel that the URLconf routed here, as the middleware would."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Give the function for a URLconf, which is exempt from CSRF's check.

        A method that isn't allowed is to be answered as such, not as a forgery.
        """
        # Around the function, once: around a method, Django wraps it at every call.
        view = csrf_exempt(super().as_view(**initkwargs))
        # Each callback has a transaction of its own. A class that is derived from this
        # one may count on that of the request.
        return transaction.non_atomic_requests(view) if cls is TrackingPixel else view

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer, and run the callbacks if it is a hit.

        Args:
            request: Of any method: which do what is the endpoint's to say.
            args: Not used.
            kwargs: ``ptrack_encoded_data``, the token.
        """
        answer = conf.django_endpoint().answer(
            request.method or "",
            kwargs[TOKEN_ARGUMENT],
            lambda: request,
            _transactions(),
        )
        return to_response(answer)

    head = options = http_method_not_allowed = get


def _transactions() -> Callable[[], ExitStack] | None:
    """Give what begins a transaction, if Django has one for a request.

    In one for all callbacks, the failure of one would undo what the others have
    written, and what was handed over to a worker by way of the database.
    """
    databases = connections.settings.items()
    aliases = [alias for alias, each in databases if each["ATOMIC_REQUESTS"]]
    return partial(_begun, aliases) if aliases else None


def _begun(aliases: Iterable[str]) -> ExitStack:
    with ExitStack() as stack:
        for alias in aliases:
            stack.enter_context(transaction.atomic(alias))
        return stack.pop_all()
