"""ptrack around any WSGI app (PEP 3333), and alone as a mirror."""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from . import conf
from .core.answers import NOT_FOUND, Answer
from .requests import PixelRequest
from .wrapper import Around

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["PixelRequest", "PtrackWSGIMiddleware", "filter_factory", "mirror"]


def _not_found(
    environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    return _respond(NOT_FOUND, start_response)


class PtrackWSGIMiddleware(Around[Callable[..., Iterable[bytes]]]):
    """Answers pixels, and passes everything else to the app untouched.

    Args:
        app: A WSGI application; ``None`` for a mirror, where all but pixels is 404.
        secret, …: As for `ptrack.wrapper.Around`.
    """

    _nothing = staticmethod(_not_found)

    @cached_property
    def _match(self) -> Callable[[str], str | None]:
        # Looked up once: this is all that a request that isn't ours pays for.
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
        return _respond(answer, start_response)


def mirror(**options: Any) -> PtrackWSGIMiddleware:
    """Give an app that only records: ``gunicorn "ptrack.wsgi:mirror()"``.

    Args:
        options: As for `PtrackWSGIMiddleware`.
    """
    try:
        return PtrackWSGIMiddleware(None, **options)
    finally:
        # Error trackers show what a frame holds: not the secrets, if one was bad.
        options.clear()


def filter_factory(global_conf: dict[str, str], **local_conf: Any) -> Any:
    """Give a PasteDeploy filter: ``use = egg:django-ptrack``.

    Args:
        global_conf: The ``[DEFAULT]`` section; not used.
        local_conf: Options of `PtrackWSGIMiddleware`. Those that take several values
            are split at commas and white space; ``true`` and ``false`` are switches.

    Returns:
        A function of an app that gives the app with ptrack around it.
    """
    read: dict[str, Callable[[str], Any]] = {
        "secret_fallbacks": conf.listed,
        "pixels": conf.listed,
        "link_query": conf.switched_or_listed,
        "honour_gpc": conf.switched,
    }
    for name in read.keys() & local_conf.keys():
        local_conf[name] = read[name](
            ",".join(local_conf[name].replace(",", " ").split())
        )
    return partial(PtrackWSGIMiddleware, **local_conf)


def _respond(answer: Answer, start_response: "StartResponse") -> Iterable[bytes]:
    # Fresh lists: PEP 3333 lets servers and middlewares change the headers.
    start_response(answer.status_line, list(answer.headers))
    return [answer.body]
