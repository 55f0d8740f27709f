"""What goes around an app of any kind: its options, and rendering by them."""

import logging
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

from . import conf
from .background.handover import Engine
from .conf import Configuration
from .core.callbacks import Tracker
from .core.callbacks import tracker as default_tracker
from .core.endpoint import Carried
from .core.tokens import Encoder
from .discovery import import_pixels

logger = logging.getLogger("ptrack")

App = TypeVar("App")


class Around(Generic[App]):
    """Base class of the middlewares that need no framework.

    Args:
        app: An application of the kind that the subclass says; ``None`` for a mirror,
            where all but pixels is 404.
        secret: 1 to 32 bytes in UTF-8.
        secret_fallbacks: Earlier secrets, for reading only.
        app_url: Scheme and host, and the path that the app is mounted at, if any.
            Needed to make URLs only.
        prefix: Where the pixels are; ``/ptrack/`` by default.
        link_fallback_url: Where one is sent who followed what is no link.
        link_query: Names of parameters that links pass on; ``True`` for all.
        honour_gpc: Record nothing of who objects to tracking.
        background: What takes the callbacks that run in the background: ``"celery"``
            or ``"tasks"``, one of these with a colon and the dotted path of the Celery
            app or the name of the backend behind it, or an object with a method
            ``enqueue(job)``, or the dotted path of its class.
        background_queue: The name of the queue there.
        encoder: A class to use instead of ``ptrack.ptrack_encoder``.
        tracker: A registry to use instead of ``ptrack.tracker``.
        pixels: Names of the modules that register callbacks, or one name. A top-level
            ``pixels``, if there is one, by default.

    What isn't given comes from Django's settings where they are configured, else from
    the environment: see `ptrack.conf.from_environment`.

    Raises:
        PtrackConfigurationError: A value is missing or bad.
    """

    # The app of a mirror.
    _nothing: ClassVar[Any]

    def __init__(
        self,
        app: App | None,
        secret: str | bytes | None = None,
        *,
        secret_fallbacks: Iterable[str | bytes] | None = None,
        app_url: str | None = None,
        prefix: str | None = None,
        link_fallback_url: str | None = None,
        link_query: Iterable[str] | bool | None = None,
        honour_gpc: bool | None = None,
        background: str | Engine | None = None,
        background_queue: str | None = None,
        encoder: Encoder | None = None,
        tracker: Tracker | None = None,
        pixels: str | Iterable[str] | None = None,
    ) -> None:
        self._app: App = self._nothing if app is None else app
        given = Configuration(
            secret=secret,
            fallbacks=secret_fallbacks,
            app_url=app_url,
            prefix=prefix,
            link_fallback_url=link_fallback_url,
            link_query=link_query,
            honour_gpc=honour_gpc,
            background=background,
            background_queue=background_queue,
        )
        # Error trackers show what a frame holds, and this one is in what follows.
        del secret, secret_fallbacks
        self._endpoint = conf.build(
            conf.completed(given),
            encoder=encoder,
            tracker=default_tracker if tracker is None else tracker,
        )
        self._endpoint.start()
        import_pixels(pixels)
        for name in self._endpoint.without_engine:
            logger.warning(
                "%s is to run in the background, and runs in the request: no engine is "
                "set (PTRACK_BACKGROUND)",
                name,
            )

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
