"""ptrack around any WSGI app (PEP 3333), and alone as a mirror."""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack

from . import conf
from .conf import OPTIONS, Options
from .core.answers import NOT_FOUND
from .requests import PixelRequest
from .wrapper import Wrapper, clear

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["PixelRequest", "PtrackWSGIMiddleware", "filter_factory", "mirror"]


def _serve_not_found(
    environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    start_response(NOT_FOUND.status_line, list(NOT_FOUND.headers))
    # RFC 9110, section 9.3.2.
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [NOT_FOUND.body]


class PtrackWSGIMiddleware(Wrapper[Callable[..., Iterable[bytes]]]):
    """Answers pixels and links, and passes everything else to the app untouched.

    Args:
        app: A WSGI application; ``None`` for a mirror, which answers 404 to all else.
        options: See `ptrack.conf.Options`.
    """

    _answer_not_found = staticmethod(_serve_not_found)

    @cached_property
    def _match(self) -> Callable[[str], str | None]:
        # Looked up once: all other requests pay for nothing else.
        return self._endpoint.match_wsgi

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request under the prefix; leave any other to the app."""
        token = self._match(environ.get("PATH_INFO", ""))
        if token is None:
            return self._app(environ, start_response)
        answer = self._endpoint.answer(
            environ.get("REQUEST_METHOD", ""), token, partial(PixelRequest, environ)
        )
        # Fresh lists: PEP 3333 lets servers and middlewares change the headers.
        start_response(answer.status_line, list(answer.headers))
        return [answer.body]


def mirror(**options: Unpack[Options]) -> PtrackWSGIMiddleware:
    """Return an app that only records: ``gunicorn "ptrack.wsgi:mirror()"``.

    Args:
        options: As for `PtrackWSGIMiddleware`.
    """
    try:
        return PtrackWSGIMiddleware(None, **options)
    finally:
        clear(options)


def filter_factory(global_conf: dict[str, str], **local_conf: Any) -> Any:
    """Return a PasteDeploy filter: ``use = egg:django-ptrack``.

    Args:
        global_conf: The ``[DEFAULT]`` section; not used.
        local_conf: Options of `PtrackWSGIMiddleware`, written as in the environment.

    Returns:
        A function of an app that returns the app with ptrack around it.
    """
    for option in OPTIONS.keys() & local_conf.keys():
        local_conf[option] = OPTIONS[option].read(local_conf[option])
    if "pixels" in local_conf:
        local_conf["pixels"] = conf.split(local_conf["pixels"])
    return _Filter(local_conf)


class _Filter:
    """A PasteDeploy filter. A ``partial`` would show the secrets in its ``repr``."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    def __call__(self, app: Callable[..., Iterable[bytes]]) -> PtrackWSGIMiddleware:
        return PtrackWSGIMiddleware(app, **self._options)
