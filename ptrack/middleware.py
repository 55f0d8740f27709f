"""ptrack as a Django middleware, under sync and async servers."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from . import endpoints, startup
from .core.endpoint import Endpoint
from .responses import take_state, to_response

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class PtrackMiddleware:
    """Answers pixels and links before any routing, and passes all else on untouched.

    Its place is right after ``SecurityMiddleware``. It may stand lower where callbacks
    need something from a middleware above it, a session or a user for example. The
    headers of the answer don't show that a callback has read it.

    Args:
        get_response: The next middleware, as Django hands it over.

    Raises:
        ImproperlyConfigured: A setting is missing or bad.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        # Servers run no checks: bad settings are errors now, not at the first hit.
        endpoints.start_django()
        startup.warn_of_callbacks(endpoints.get_django_endpoint().tracker)

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request under the prefix; leave any other to the site."""
        endpoint = endpoints.get_django_endpoint()
        token = endpoint.match(request.path_info)
        if token is None:
            return self.get_response(request)
        if self._is_async:
            return self._aanswer(endpoint, request, token)
        state = take_state(request)
        answer = endpoint.answer(request.method or "", token, lambda: request)
        if state is not None:
            state.restore(request)
        return to_response(answer)

    @staticmethod
    async def _aanswer(
        endpoint: Endpoint, request: HttpRequest, token: str
    ) -> HttpResponseBase:
        state = take_state(request)
        answer = await endpoint.aanswer(request.method or "", token, lambda: request)
        if state is not None:
            state.restore(request)
        return to_response(answer)
