"""The part that the WSGI and the ASGI middleware share: options, and making URLs."""

import logging
from typing import Any, ClassVar, Generic, TypeVar, Unpack, cast

from . import conf, endpoints
from .conf import OPTIONS, Options
from .core.callbacks import tracker
from .core.endpoint import Carried, Endpoint, make_tag
from .core.kinds import LINK, PIXEL
from .core.logs import log
from .discovery import import_pixels

App = TypeVar("App")


def clear(options: Options) -> None:
    """Empty options that hold secrets: error trackers show the values in a frame."""
    cast("dict[str, Any]", options).clear()


class Wrapper(Generic[App]):
    """Base class of the middlewares that need no framework.

    Args:
        app: An application of the subclass's protocol; ``None`` for a mirror, which
            answers 404 to all but pixels and links.
        options: See `ptrack.conf.Options`.

    Raises:
        TypeError: There is no such option.
        PtrackConfigurationError: A value is missing or bad.
    """

    # A mirror has this in the place of an app.
    _answer_not_found: ClassVar[Any]

    def __init__(self, app: App | None, **options: Unpack[Options]) -> None:
        self._app: App = self._answer_not_found if app is None else app
        encoder = options.pop("encoder", None)
        own_tracker = options.pop("tracker", None)
        pixels = options.pop("pixels", None)
        unknown = ", ".join(sorted(options.keys() - OPTIONS.keys()))
        try:
            configuration = conf.read().override(options)
        finally:
            clear(options)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no option {unknown}")
        self._endpoint = endpoints.build(
            configuration,
            encoder=encoder,
            tracker=tracker if own_tracker is None else own_tracker,
        )
        self._endpoint.start()
        import_pixels(pixels)
        self._warn_of_missing_engine()

    def _warn_of_missing_engine(self) -> None:
        if self._endpoint.engine is not None:
            return
        for name in self._endpoint.tracker.in_background:
            log(
                logging.WARNING,
                "%s is to run in the background, and runs in the request: no engine is "
                "set (PTRACK_BACKGROUND)",
                name,
            )

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that makes the URLs and decides about the requests."""
        return self._endpoint

    def pixel_url(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the URL of a pixel: see `ptrack.pixel_url`."""
        return self._endpoint.url(PIXEL, args, kwargs)

    def pixel_tag(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the ``<img>`` of a pixel: see `ptrack.pixel_tag`."""
        return make_tag(self.pixel_url(*args, **kwargs))

    def link_url(self, url: str, /, *args: Any, **kwargs: Any) -> str:
        """Return the URL of a tracked link: see `ptrack.link_url`."""
        return self._endpoint.url(LINK, args, kwargs, url)

    def read_url(self, url: str) -> tuple[str, Carried] | None:
        """Return the content of a URL's token: see `Endpoint.read_url`."""
        return self._endpoint.read_url(url)
