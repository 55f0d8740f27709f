"""Both ways through ptrack: arguments to a URL, and a request for it to its answer."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ptrack.background import LazyEngine
from ptrack.exceptions import PtrackConfigurationError
from ptrack.privacy import objects

from .answers import METHOD_NOT_ALLOWED, PIXEL, PIXEL_HEAD, Answer, img_tag
from .callbacks import Tracker, Within
from .concurrency import ended
from .counters import Reason
from .links import SEGMENT, Click, Links
from .tokens import MAX_TOKEN_LENGTH, Encoder, PtrackEncoder, TokenBox

logger = logging.getLogger("ptrack")

LONG_URL = 2000
"""From how many characters on a URL is warned of.

Mail clients and proxies cut or refuse longer ones; the number is what is left of
Internet Explorer's 2,083, the least that is still around.
"""

# What may stand unescaped in the path of a URL: RFC 3986, section 3.3.
_PATH_SAFE = "/~:@!$&'()*+,;="

# Only the first of them may be a hit.
_ANSWERS = {"GET": PIXEL, "HEAD": PIXEL_HEAD}
# Why a request with an answer was none.
_REASONS: dict[Answer, Reason] = {
    PIXEL: "token",
    PIXEL_HEAD: "head",
    METHOD_NOT_ALLOWED: "method",
}


def normal_prefix(prefix: object) -> str:
    """Give the prefix with one slash before and after.

    Args:
        prefix: ``"ptrack"``, ``"/a/b/"``; ``""`` or ``"/"`` is the whole host.

    Raises:
        PtrackConfigurationError: It isn't text.
    """
    if not isinstance(prefix, str):
        raise PtrackConfigurationError(
            f"a prefix must be str, not {type(prefix).__name__}"
        )
    inner = prefix.strip("/")
    return f"/{inner}/" if inner else "/"


class Carried(NamedTuple):
    """What one of our URLs carries.

    Attributes:
        target: Where a link leads; ``None`` where it is a pixel.
        args: Positional arguments for the callbacks.
        kwargs: Keyword arguments for the callbacks.
        path: The URL's path below the place that the app is mounted at, decoded.
    """

    target: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    path: str


class Endpoint:
    """What rendering and opening share.

    Args:
        box: Stands in for `PtrackEncoder`, with the secrets of this endpoint. ``None``
            where there are none, which only does with another encoder.
        encoder: Asked, at each use, for the encoder in force.
        tracker: Its callbacks are run by a hit.
        prefix: Where the pixels are, as `normal_prefix` takes it.
        app_url: Scheme and host, and a path where the app is mounted at one. Empty
            where only hits are recorded.
        suffix: What follows the token in a URL.
        link_fallback_url: See `Links`.
        link_query: See `Links`.
        honour_gpc: Record nothing of who objects to tracking: see
            `ptrack.privacy.objects`.
        engine: Takes the callbacks that are to run in the background.
        shared: The place also holds pages of the site, and only its own routing can
            tell which path is whose.
    """

    def __init__(
        self,
        box: TokenBox | None,
        *,
        encoder: Callable[[], Encoder],
        tracker: Tracker,
        prefix: str,
        app_url: str = "",
        suffix: str = "/",
        shared: bool = False,
        link_fallback_url: str | None = None,
        link_query: Collection[str] | bool = (),
        honour_gpc: bool = False,
        engine: LazyEngine | None = None,
    ) -> None:
        self.prefix = normal_prefix(prefix)
        self._token_in = _token_after(self.prefix)
        self._wsgi_prefix = self.prefix.encode().decode("latin-1")
        self._token_in_wsgi = _token_after(self._wsgi_prefix)
        self.tracker = tracker
        self.shared = shared
        self._engine = engine
        self._box = box
        self._encoder = encoder
        self._app_url = app_url.rstrip("/")
        self._suffix = quote(suffix, safe=_PATH_SAFE)
        self._quoted = quote(self.prefix, safe=_PATH_SAFE)
        self._base = self._app_url + self._quoted
        self._honour_gpc = honour_gpc
        self._links = Links(
            box,
            encoder=self._current_encoder,
            fallback_url=link_fallback_url,
            query=link_query,
        )

    def start(self) -> None:
        """Find out now what would else go wrong at the first hit.

        Raises:
            PtrackConfigurationError: The background engine isn't installed or set up.
        """
        if self._engine is not None:
            self._engine.load()

    @property
    def without_engine(self) -> list[str]:
        """The callbacks that are to run in the background, where no engine is set."""
        return [] if self._engine is not None else self.tracker.in_background

    # -- rendering --------------------------------------------------------------------

    def url(
        self, args: Iterable[Any], kwargs: Mapping[str, Any], mount: str = "/"
    ) -> str:
        """Give the URL of a pixel.

        Args:
            args: What the callbacks are to get as positional arguments.
            kwargs: What they are to get as keyword arguments.
            mount: The path that the app is mounted at, unquoted.

        Raises:
            PtrackConfigurationError: There is no app URL.
            TypeError, ValueError: See `TokenBox.encrypt`.
        """
        encoder = self._current_encoder()
        token = encoder.encrypt(*args, **kwargs)
        return self._url(token if encoder is self._box else _quoted(token), mount)

    def link(
        self, url: str, args: Iterable[Any], kwargs: Mapping[str, Any], mount: str = "/"
    ) -> str:
        """Give the URL of a tracked link.

        Args:
            url: Its target: see `ptrack.core.links.check_target`.
            args: What the callbacks are to get as positional arguments.
            kwargs: What they are to get as keyword arguments.
            mount: The path that the app is mounted at, unquoted.

        Raises:
            PtrackConfigurationError: There is no app URL, or no secret.
            TypeError, ValueError: The target is none, or see `TokenBox.encrypt`.
        """
        token = self._links.token(url, args, kwargs)
        return self._url(SEGMENT + _quoted(token), mount)

    def _url(self, token: str, mount: str) -> str:
        if not self._app_url:
            raise PtrackConfigurationError(
                "PTRACK_APP_URL is not set, and URLs of pixels can't be made without: "
                'set it to the address of the site, for example "https://www.example.com"'
            )
        base = self._base if mount == "/" else self._mounted(mount)
        url = f"{base}{token}{self._suffix}"
        if len(url) > LONG_URL:
            logger.warning(
                "A URL has %d characters; some mail clients and proxies refuse more "
                "than %d: put less into it",
                len(url),
                LONG_URL,
            )
        return url

    def tag(
        self, args: Iterable[Any], kwargs: Mapping[str, Any], mount: str = "/"
    ) -> str:
        """Give the ``<img>`` of a pixel: see `url`."""
        return img_tag(self.url(args, kwargs, mount))

    def owns(self, url: str, mount: str = "/") -> bool:
        """Tell whether an absolute URL is one that this makes, of a pixel or a link.

        Args:
            url: With any scheme.
            mount: The path that the app is mounted at, unquoted.
        """
        base = self._base if mount == "/" else self._mounted(mount)
        start, path = base.partition("//")[2].lower(), url.partition("//")[2]
        if not start or not path.lower().startswith(start):
            return False
        if not self.shared:
            return True
        # Pages of the site start so too; then only a token tells.
        token = path[len(start) :].removesuffix(self._suffix)
        return token.startswith(SEGMENT) or self._hit(token) is not None

    def _mounted(self, mount: str) -> str:
        quoted = quote(mount.rstrip("/"), safe=_PATH_SAFE)
        return f"{self._app_url}{quoted}{self._quoted}"

    # -- reading ----------------------------------------------------------------------

    def carried_by(self, url: str) -> Carried | None:
        """Give what a URL carries, for who wants to see that; nothing is recorded.

        Args:
            url: As `url` or `link` gave it. Its host doesn't matter, nor its query.

        Returns:
            ``None`` if nothing in its path was sealed with our secrets.
        """
        for path in self._paths(url):
            token = path[self._token_in].removesuffix("/")
            if self._suffix != "/":
                token = token.removesuffix(unquote(self._suffix))
            found = self.read(token)
            if isinstance(found, Click):
                return Carried(found.url, tuple(found.args), found.kwargs, path)
            if found is not None:
                return Carried(None, tuple(found[0]), dict(found[1]), path)
        return None

    def _paths(self, url: str) -> Iterator[str]:
        """Give what can be the path below the place that the app is mounted at."""
        try:
            path = unquote(urlsplit(url).path)
        except ValueError:
            return
        start = path.find(self.prefix)
        while start >= 0:
            yield path[start:]
            start = path.find(self.prefix, start + 1)

    # -- opening ----------------------------------------------------------------------

    def match(self, path: str) -> str | None:
        """Give what stands for a token in a path.

        Args:
            path: The path below the mount, decoded.

        Returns:
            All between the prefix and one trailing slash, which is optional, cut where
            it is too long for a token anyway; ``None`` if the path is the app's own.
        """
        if self.shared or not path.startswith(self.prefix):
            return None
        return path[self._token_in].removesuffix("/")

    def match_wsgi(self, path: str) -> str | None:
        """Do what `match` does, with a path as WSGI has it.

        Args:
            path: ``PATH_INFO``: bytes as Latin-1 (PEP 3333, "Unicode Issues").
        """
        if self.shared or not path.startswith(self._wsgi_prefix):
            return None
        token = path[self._token_in_wsgi].removesuffix("/")
        # More bytes are too long in whatever characters they are: `url` makes no such
        # token.
        if token.isascii() or len(token) > len(SEGMENT) + MAX_TOKEN_LENGTH:
            return token
        # What a server hands over that isn't Latin-1 is no path.
        return token.encode("latin-1", "replace").decode("utf-8", "replace")

    def answer(
        self,
        method: str,
        token: str,
        request: Callable[[], Any],
        within: Within | None = None,
    ) -> Answer:
        """Answer a request under the prefix, and run the callbacks that it is for.

        Args:
            method: The request's.
            token: What `match` gave.
            request: Makes what the callbacks get, if it comes to that.
            within: What they run in: see `Tracker.record`.

        Returns:
            For a pixel the same whatever the token is, authentic or not. For a link the
            redirect to its target, or that it is none.
        """
        if token.startswith(SEGMENT):
            request = cache(request)
            answer, click = self._followed(method, token, request)
            if click is not None:
                self.tracker.record_click(request(), *click, self._engine, within)
            return answer
        answer = _ANSWERS.get(method.upper(), METHOD_NOT_ALLOWED)
        hit = self._hit(token) if answer is PIXEL else None
        if hit is None:
            self.tracker.ignored(_REASONS[answer])
            return answer
        loaded = request()
        if not (self._honour_gpc and self._declined(loaded)):
            args, kwargs = hit
            self.tracker.record(loaded, args, kwargs, self._engine, within)
        return answer

    async def aanswer(
        self, method: str, token: str, request: Callable[[], Any]
    ) -> Answer:
        """Do what `answer` does, from an event loop; sync callbacks as Django has them.

        Args:
            method: As for `answer`.
            token: As for `answer`.
            request: As for `answer`.
        """
        answer, recording = self.begin(method, token, request)
        if recording is not None:
            await ended(recording)
        return answer

    def begin(
        self,
        method: str,
        token: str,
        request: Callable[[], Any],
        *,
        thread_sensitive: bool = True,
    ) -> "tuple[Answer, asyncio.Task[None] | None]":
        """Do what `answer` does, from an event loop, as far as it goes without waiting.

        It is written twice because one more call that both would share is 0.3 µs of a
        hit; tests hold the two to the same.

        Args:
            method: As for `answer`.
            token: As for `answer`.
            request: As for `answer`.
            thread_sensitive: Where sync callbacks run: see `Tracker.begin`.

        Returns:
            The answer, and what `ptrack.core.concurrency.ended` is to wait for before it is
            given; ``None`` if there is nothing.
        """
        recording = None
        if token.startswith(SEGMENT):
            request = cache(request)
            answer, click = self._followed(method, token, request)
            if click is not None:
                recording = self.tracker.begin_click(
                    request(), *click, self._engine, thread_sensitive=thread_sensitive
                )
            return answer, recording
        answer = _ANSWERS.get(method.upper(), METHOD_NOT_ALLOWED)
        hit = self._hit(token) if answer is PIXEL else None
        if hit is None:
            self.tracker.ignored(_REASONS[answer])
            return answer, None
        loaded = request()
        if not (self._honour_gpc and self._declined(loaded)):
            args, kwargs = hit
            recording = self.tracker.begin(
                loaded, args, kwargs, self._engine, thread_sensitive=thread_sensitive
            )
        return answer, recording

    def read(
        self, token: str
    ) -> Click | tuple[Iterable[Any], Mapping[str, Any]] | None:
        """Give what is carried, and record nothing.

        Args:
            token: What `match` gave.

        Returns:
            For a link a `Click`, for a pixel its arguments; ``None`` for what is
            neither.
        """
        if token.startswith(SEGMENT):
            return self._links.opened(token[len(SEGMENT) :])
        return self._hit(token)

    def _followed(
        self, method: str, token: str, request: Callable[[], Any]
    ) -> tuple[Answer, Click | None]:
        answer, click, reason = self._links.follow(
            method, token[len(SEGMENT) :], request
        )
        if click is None:
            self.tracker.ignored(reason)
        elif self._honour_gpc and self._declined(request()):
            click = None
        return answer, click

    def _declined(self, request: Any) -> bool:
        declined = objects(request)
        if declined:
            self.tracker.ignored("gpc")
        return declined

    def _hit(self, token: str) -> tuple[Iterable[Any], Mapping[str, Any]] | None:
        if len(token) > MAX_TOKEN_LENGTH:
            return None
        encoder = self._current_encoder()
        try:
            args, kwargs = encoder.decrypt(token)
        except Exception as error:
            # Its type alone: the message of another encoder may show the token.
            logger.debug("Not a token: %s", type(error).__name__)
            return None
        if encoder is not self._box and self._links.owns(args, kwargs):
            return None
        return args, kwargs

    def _current_encoder(self) -> Encoder | TokenBox:
        encoder = self._encoder()
        if encoder is PtrackEncoder and self._box is not None:
            return self._box
        return encoder


def _quoted(token: str) -> str:
    """Give a token as a piece of path: another encoder's may hold anything."""
    quoted = quote(token, safe=_PATH_SAFE)
    if len(quoted) > MAX_TOKEN_LENGTH:
        raise ValueError(
            f"The encoder gave a token of {len(quoted)} characters, and servers refuse "
            f"URLs with more than {MAX_TOKEN_LENGTH}: put less into it"
        )
    return quoted


def _token_after(prefix: str) -> slice:
    """Give the part of a path that holds the token.

    It is no longer than is needed to see that there are too many characters, before a
    slash, and behind what tells a link.
    """
    start = len(prefix)
    return slice(start, start + len(SEGMENT) + MAX_TOKEN_LENGTH + 2)
