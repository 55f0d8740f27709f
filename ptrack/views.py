"""The view behind ``ptrack.urls``."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cache, partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from . import conf, endpoints, startup
from .core.answers import GIF
from .responses import take_state, to_response
from .urlconf import TOKEN_ARGUMENT

TRANSPARENT_1_PIXEL_GIF = GIF

# A URLconf doesn't know when it is complete, so this is done at the first request.
_warn_once = cache(startup.warn_of_callbacks)


class TrackingPixel(View):
    """Answers a request that the URLconf routed here, as the middleware would."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the function for a URLconf.

        It is exempt from CSRF's check: a method that isn't allowed gets a 405, not the
        answer to a forgery.
        """
        # Around the function, once: around a method, Django wraps it at every call.
        view = csrf_exempt(super().as_view(**initkwargs))
        # Each callback has a transaction of its own. A subclass may rely on the
        # request's.
        return transaction.non_atomic_requests(view) if cls is TrackingPixel else view

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer, and run the callbacks if it is a hit.

        Args:
            request: A request of any method; the endpoint decides about it.
            args: Not used.
            kwargs: ``ptrack_encoded_data``, the token.
        """
        endpoint = endpoints.get_django_endpoint()
        _warn_once(endpoint.tracker)
        state = take_state(request)
        answer = endpoint.answer(
            request.method or "",
            kwargs[TOKEN_ARGUMENT],
            lambda: request,
            _choose_transactions(),
        )
        if state is not None:
            state.restore(request)
        return to_response(answer)

    head = options = http_method_not_allowed = get


def _choose_transactions() -> Callable[[], ExitStack] | None:
    """Return a function that begins a transaction, if Django has one for a request.

    In one transaction for all callbacks, the failure of one would undo the rows that
    the others wrote, and the jobs that an engine has put into the database.
    """
    databases = conf.get_django("DATABASES").items()
    aliases = [alias for alias, each in databases if each.get("ATOMIC_REQUESTS")]
    return partial(_begin, aliases) if aliases else None


def _begin(aliases: Iterable[str]) -> ExitStack:
    with ExitStack() as stack:
        for alias in aliases:
            stack.enter_context(transaction.atomic(alias))
        return stack.pop_all()
