"""ptrack around any WSGI app (PEP 3333), and alone as a mirror."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from webob import Request

from . import conf
from .conf import Configuration
from .discovery import import_pixels
from .encoder import Encoder
from .endpoint import Carried
from .pixel import NOT_FOUND, Answer
from .trackers import Tracker
from .trackers import tracker as default_tracker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class PixelRequest(Request):
    """What callbacks get: a ``webob.Request`` that knows Django's ``META`` too."""

    @property
    def META(self) -> "WSGIEnvironment":  # noqa: N802 - Django's name
        """The environ, by the name that it has on Django's requests."""
        return self.environ


class PtrackWSGIMiddleware:
    """Answers pixels, and passes everything else to the app untouched.

    Args:
        app: A WSGI application; ``None`` for a mirror, where all but pixels is 404.
        secret: 1 to 32 bytes in UTF-8.
        secret_fallbacks: Earlier secrets, for reading only.
        app_url: Scheme and host, and the path that the app is mounted at, if any.
            Needed to make URLs only.
        prefix: Where the pixels are; ``/ptrack/`` by default.
        link_fallback_url: Where one is sent who followed what is no link.
        link_query: Names of parameters that links pass on; ``True`` for all.
        honour_gpc: Record nothing of who objects to tracking.
        encoder: A class to use instead of ``ptrack.ptrack_encoder``.
        tracker: A registry to use instead of ``ptrack.tracker``.
        pixels: Names of the modules that register callbacks, or one name. A top-level
            ``pixels``, if there is one, by default.

    What isn't given comes from Django's settings where they are configured, else from
    the environment: see `ptrack.conf.from_environment`.

    Raises:
        PtrackConfigurationError: A value is missing or bad.
    """

    def __init__(
        self,
        app: "WSGIApplication | None",
        secret: str | bytes | None = None,
        *,
        secret_fallbacks: Iterable[str | bytes] | None = None,
        app_url: str | None = None,
        prefix: str | None = None,
        link_fallback_url: str | None = None,
        link_query: Iterable[str] | bool | None = None,
        honour_gpc: bool | None = None,
        encoder: Encoder | None = None,
        tracker: Tracker | None = None,
        pixels: str | Iterable[str] | None = None,
    ) -> None:
        self._app: WSGIApplication = _not_found if app is None else app
        given = Configuration(
            secret=secret,
            fallbacks=secret_fallbacks,
            app_url=app_url,
            prefix=prefix,
            link_fallback_url=link_fallback_url,
            link_query=link_query,
            honour_gpc=honour_gpc,
        )
        # Error trackers show what a frame holds, and this one is in what follows.
        del secret, secret_fallbacks
        self._endpoint = conf.build(
            conf.completed(given),
            encoder=encoder,
            tracker=default_tracker if tracker is None else tracker,
        )
        # Looked up once: this is all that a request that isn't ours pays for.
        self._match = self._endpoint.match_wsgi
        import_pixels(pixels)

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

    def pixel_url(self, /, *args: Any, **kwargs: Any) -> str:
        """Give the URL of a pixel: see `ptrack.pixel_url`."""
        return self._endpoint.url(args, kwargs)

    def pixel_tag(self, /, *args: Any, **kwargs: Any) -> str:
        """Give the ``<img>`` of a pixel: see `ptrack.pixel_tag`."""
        return self._endpoint.tag(args, kwargs)

    def link_url(self, url: str, /, *args: Any, **kwargs: Any) -> str:
        """Give the URL of a tracked link: see `ptrack.link_url`."""
        return self._endpoint.link(url, args, kwargs)

    def carried_by(self, url: str) -> Carried | None:
        """Give what a URL of ours carries: see `Endpoint.carried_by`."""
        return self._endpoint.carried_by(url)


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


def _not_found(
    environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    return _respond(NOT_FOUND, start_response)


def _respond(answer: Answer, start_response: "StartResponse") -> Iterable[bytes]:
    # Fresh lists: PEP 3333 lets servers and middlewares change the headers.
    start_response(answer.status_line, list(answer.headers))
    return [answer.body]
