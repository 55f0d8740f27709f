"""The part that the WSGI and the ASGI middleware share: options, and making URLs."""

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar, Unpack, cast

from . import conf, endpoints, startup
from .conf import OPTIONS, Options
from .core.callbacks import tracker
from .core.endpoint import Carried, Endpoint, make_tag
from .core.kinds import LINK, PIXEL
from .discovery import import_pixels

App = TypeVar("App")

OTHERS = ("encoder", "tracker", "pixels")
"""The options that aren't settings."""


def clear(options: Options) -> None:
    """Empty options that hold secrets: error trackers show the values in a frame."""
    cast("dict[str, Any]", options).clear()


def _describe_unknown(options: Iterable[str]) -> str:
    """Return the sentence about options that don't exist, without their values."""
    known = (*OPTIONS, *OTHERS)
    each_meant = {each: conf.find_meant_option(each, known) for each in options}
    return "has no option " + ", ".join(
        each if meant is None else f"{each} ({meant} is one)"
        for each, meant in each_meant.items()
    )


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
        unknown = sorted(options.keys() - OPTIONS.keys())
        try:
            configuration = conf.read().override(options)
        finally:
            clear(options)
        if unknown:
            raise TypeError(f"{type(self).__name__} {_describe_unknown(unknown)}")
        self._endpoint = endpoints.build(
            configuration,
            encoder=encoder,
            tracker=tracker if own_tracker is None else own_tracker,
        )
        self._endpoint.start()
        import_pixels(pixels)
        startup.warn_of_settings(configuration)
        startup.warn_of_callbacks(self._endpoint.tracker)
        if self._endpoint.engine is None:
            startup.warn_of_missing_engine(self._endpoint.tracker.in_background)

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that makes the URLs and decides about the requests."""
        return self._endpoint

    def pixel_url(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the URL of a pixel: see `ptrack.pixel_url`."""
        return self._endpoint.url(PIXEL, args, kwargs)

    def pixel_tag(self, /, *args: Any, **kwargs: Any) -> str:
        """Return the ``<img>`` of a pixel: see `ptrack.pixel_tag`."""
        url = self.pixel_url(*args, **kwargs)
        return make_tag(url, self._endpoint.img_attributes)

    def link_url(self, url: str, /, *args: Any, **kwargs: Any) -> str:
        """Return the URL of a tracked link: see `ptrack.link_url`."""
        return self._endpoint.url(LINK, args, kwargs, url)

    def read_url(self, url: str) -> tuple[str, Carried] | None:
        """Return the content of a URL's token: see `Endpoint.read_url`."""
        return self._endpoint.read_url(url)
