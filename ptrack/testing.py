"""Helpers for tests of your own mails: their pixels and links, and the hits of these.

`tracked` finds the pixels and links of a mail, with the arguments that they carry. A
test can open and click them, with real requests through the project's own settings,
middleware and callbacks. `recorded` keeps the hits that reach the callbacks; pytest
has it as the fixture ``ptrack_recorded``.

A running site has no use for this, and never imports it.
"""

import asyncio
import email.policy
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message, MIMEPart
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from . import conf, endpoints
from .core.answers import GIF
from .core.callbacks import Tracker, tracker
from .core.endpoint import Endpoint
from .core.kinds import KINDS, TrackingLink, TrackingPixel
from .email import html, text

if TYPE_CHECKING:
    from django.core.mail import EmailMessage

    from .asgi import PtrackASGIMiddleware
    from .wsgi import PtrackWSGIMiddleware

    App = PtrackASGIMiddleware | PtrackWSGIMiddleware

Headers = Mapping[str, str]


# -- the content of a mail ------------------------------------------------------------


@dataclass(frozen=True)
class Pixel:
    """A pixel in a mail.

    Attributes:
        url: Its URL, as a mail client loads it.
        args: The positional arguments that it was made with.
        kwargs: Its keyword arguments.
    """

    url: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    _get: "Callable[[Headers], _Response]" = field(repr=False, compare=False)

    def open(self, headers: Headers | None = None) -> Any:
        """Load it, as a mail client that shows images does.

        Args:
            headers: The headers of the request, for example
                ``{"User-Agent": "Mail/1"}``.

        Returns:
            The response, of Django's test client or else of WebOb.

        Raises:
            AssertionError: The answer is not ptrack's.
        """
        response = self._get(headers or {})
        response.check(200, GIF)
        return response.raw


@dataclass(frozen=True)
class Link:
    """A tracked link in a mail.

    Attributes:
        url: Its URL, as it is in the mail.
        target: The URL that it leads to.
        args: The positional arguments that it was made with.
        kwargs: Its keyword arguments.
    """

    url: str
    target: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    _get: "Callable[[Headers], _Response]" = field(repr=False, compare=False)

    def click(self, headers: Headers | None = None) -> Any:
        """Follow it as far as ptrack; the target isn't requested.

        Args:
            headers: As for `Pixel.open`.

        Returns:
            The redirect, of Django's test client or else of WebOb.

        Raises:
            AssertionError: The answer is not ptrack's.
        """
        response = self._get(headers or {})
        response.check(302)
        return response.raw


@dataclass(frozen=True)
class Tracked:
    """The pixels and tracked links of a mail, in the order of its source.

    Attributes:
        pixels: Its pixels.
        links: Its tracked links.
    """

    pixels: list[Pixel]
    links: list[Link]

    def open(self, headers: Headers | None = None) -> None:
        """Open the mail in a client that shows images: load all of its pixels.

        Args:
            headers: The headers of each request, as for `Pixel.open`.

        Raises:
            AssertionError: There is no pixel, or an answer is not ptrack's.
        """
        if not self.pixels:
            raise AssertionError("the mail has no pixel of this site's ptrack")
        for pixel in self.pixels:
            pixel.open(headers)

    def click(self, target: str, headers: Headers | None = None) -> Any:
        """Click on the first link that leads to a target.

        Args:
            target: The target, as it was given to the link.
            headers: As for `Pixel.open`.

        Returns:
            The redirect, as `Link.click` does.

        Raises:
            AssertionError: No tracked link leads there, or the answer is not ptrack's.
        """
        for link in self.links:
            if link.target == target:
                return link.click(headers)
        targets = ", ".join(link.target for link in self.links) or "nowhere"
        raise AssertionError(f"no tracked link leads to {target}, but to: {targets}")


def tracked(mail: "EmailMessage | Message | str", app: "App | None" = None) -> Tracked:
    """Find the pixels and tracked links of a mail.

    Args:
        mail: Django's ``EmailMessage``, of any kind; the standard library's; or the
            text of an HTML body. Messages are encoded as they are sent, and parsed
            again: all URLs in bodies of HTML, and the links in those of plain text.
        app: The WSGI or ASGI middleware whose URLs these are. By default they are those
            of Django's settings where they are configured, else of the environment.

    Returns:
        The pixels and links that were made with the secrets in force. A URL that can't
        be read is left out.

    Raises:
        TypeError: It isn't a mail.
        ImportError: There is a tracked link in plain text, and the extra ``email`` of
            the distribution isn't installed.
        PtrackConfigurationError: A setting is missing or bad. Under Django,
            ``ImproperlyConfigured``.
    """
    site = _find_site(app)
    found = Tracked([], [])
    for url in _find_urls(mail, site.endpoint):
        read = site.endpoint.read_url(url)
        if read is None:
            continue
        path, carried = read
        args, kwargs = tuple(carried.args), dict(carried.kwargs)
        get = partial(site.get, _Address.split(url, path))
        if carried.target is None:
            found.pixels.append(Pixel(url, args, kwargs, get))
        else:
            found.links.append(Link(url, carried.target, args, kwargs, get))
    return found


def _find_urls(mail: Any, endpoint: Endpoint) -> Iterator[str]:
    if isinstance(mail, str):
        yield from html.find_urls(mail)
        return
    sent = email.message_from_bytes(
        _convert(mail).as_bytes(), policy=email.policy.default
    )
    for part in _find_shown_parts(sent):
        if part.get_content_type() == "text/html":
            yield from html.find_urls(part.get_content())
        elif part.get_content_type() == "text/plain":
            yield from _find_text_links(part.get_content(), endpoint)


def _find_text_links(content: str, endpoint: Endpoint) -> Iterator[str]:
    starts = [endpoint.prefix + kind.segment for kind in KINDS if kind.segment]

    def may_be_tracked(piece: str) -> bool:
        decoded = unquote(piece)
        return any(start in decoded for start in starts)

    # Only a mail with such a link needs the extra that finds URLs in plain text.
    if may_be_tracked(content):
        urls = (each.url for each in text.find_urls(content))
        yield from filter(may_be_tracked, urls)


def _find_shown_parts(message: MIMEPart) -> Iterator[MIMEPart]:
    """Yield the parts that a mail client shows: neither attachments nor other mails."""
    if message.is_attachment() or message.get_content_maintype() == "message":
        return
    if not message.is_multipart():
        yield message
        return
    for part in message.iter_parts():
        yield from _find_shown_parts(part)


def _convert(mail: Any) -> Message:
    """Return a mail as a message of the standard library, as Django sends its own."""
    if isinstance(mail, Message):
        return mail
    if not hasattr(mail, "message"):
        raise TypeError(
            f"{type(mail).__qualname__} isn't a mail: pass Django's EmailMessage, the "
            "standard library's, or HTML as str"
        )
    message: Message = mail.message()
    return message


# -- the site -------------------------------------------------------------------------


class _Address(NamedTuple):
    """A URL in the parts that a server makes of it.

    Attributes:
        scheme: The URL's scheme; empty if it has none.
        host: The host with its port; empty if there is none.
        mount: The path that the app is mounted at, decoded.
        path: The path below the mount, quoted.
    """

    scheme: str
    host: str
    mount: str
    path: str

    @classmethod
    def split(cls, url: str, path: str) -> "_Address":
        """Split a URL.

        Args:
            url: The URL.
            path: Its path below the mount, decoded.
        """
        scheme, host, whole, *_ = urlsplit(url)
        mount = unquote(whole).removesuffix(path)
        return cls(scheme, host, mount if host else "", quote(path))

    def add_host(self, headers: Headers) -> dict[str, str]:
        """Return the headers with the host, if they have none; in lower case."""
        host = {"host": self.host} if self.host else {}
        return host | {name.lower(): value for name, value in headers.items()}


class _Response(NamedTuple):
    """An answer of the site.

    Attributes:
        status: The HTTP status code.
        body: The body.
        raw: The response, as the client has it.
    """

    status: int
    body: bytes
    raw: Any

    def check(self, status: int, body: bytes | None = None) -> None:
        """Raise an error if this isn't ptrack's answer.

        Args:
            status: The status of ptrack's answer.
            body: Its body; ``None`` for any.
        """
        if self.status == status and body in (None, self.body):
            return
        if self.status == 400:
            hint = "is the host of PTRACK_APP_URL in ALLOWED_HOSTS?"
        else:
            hint = "is its middleware in MIDDLEWARE, or ptrack.urls in the URLconf?"
        raise AssertionError(f"status {self.status} is not ptrack's answer: {hint}")


class _Site(Protocol):
    """The project, or an app."""

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint whose URLs are in the mail."""

    def get(self, address: _Address, headers: Headers) -> _Response:
        """Send a request."""


class _DjangoSite:
    """The project, through Django's test client, and with that its middleware."""

    @property
    def endpoint(self) -> Endpoint:
        return endpoints.get_django_endpoint()

    def get(self, address: _Address, headers: Headers) -> _Response:
        from django.test import Client  # Outside Django it isn't used.

        response: Any = Client(headers=address.add_host(headers)).get(
            address.path, secure=address.scheme == "https", SCRIPT_NAME=address.mount
        )
        return _Response(response.status_code, response.getvalue(), response)


class _WsgiSite:
    """A WSGI middleware, through WebOb."""

    def __init__(self, app: "PtrackWSGIMiddleware") -> None:
        self.endpoint = app.endpoint
        self._app = app

    def get(self, address: _Address, headers: Headers) -> _Response:
        from webob import Request  # With Django it isn't used.

        origin = f"{address.scheme or 'http'}://{address.host or 'localhost'}"
        request = Request.blank(
            address.path,
            base_url=origin + quote(address.mount),
            headers=address.add_host(headers),
        )
        # Servers set it, and WebOb doesn't.
        request.remote_addr = "127.0.0.1"
        response = request.get_response(self._app)
        return _Response(response.status_code, response.body, response)


class _AsgiSite:
    """An ASGI middleware, called in an event loop that lives as long as the request."""

    def __init__(self, app: "PtrackASGIMiddleware") -> None:
        self.endpoint = app.endpoint
        self._app = app

    def get(self, address: _Address, headers: Headers) -> _Response:
        from webob import Response as WebObResponse  # With Django it isn't used.

        # In a thread, as a test may be running in an event loop itself.
        with ThreadPoolExecutor(1) as threads:
            answer = self._answer(_make_scope(address, headers))
            start, body = threads.submit(asyncio.run, answer).result()
        response = WebObResponse(
            body["body"],
            start["status"],
            [
                (name.decode("latin-1").title(), value.decode("latin-1"))
                for name, value in start["headers"]
            ],
        )
        return _Response(response.status_code, response.body, response)

    async def _answer(self, scope: dict[str, Any]) -> list[Any]:
        """Return the messages that the app sends."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        # Nothing ever comes from this queue: there is no body.
        await self._app(scope, asyncio.Queue[Any]().get, send)
        return sent


def _make_scope(address: _Address, headers: Headers) -> dict[str, Any]:
    path = quote(address.mount) + address.path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": address.scheme or "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": address.mount,
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in address.add_host(headers).items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": (address.host or "localhost", 80),
    }


def _find_site(app: "App | None") -> _Site:
    from .asgi import PtrackASGIMiddleware  # With Django neither is used.

    if isinstance(app, PtrackASGIMiddleware):
        return _AsgiSite(app)
    if app is not None:
        return _WsgiSite(app)
    if conf.uses_django():
        return _DjangoSite()
    from .wsgi import mirror

    return _WsgiSite(mirror())


# -- the hits -------------------------------------------------------------------------


@dataclass(frozen=True)
class Open:
    """A hit that reached the callbacks of pixels.

    Attributes:
        args: The positional arguments that they got.
        kwargs: Their keyword arguments.
        request: The request that they got; a comparison ignores it.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    request: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Click:
    """A hit that reached the callbacks of links.

    Attributes:
        url: The target.
        args: The positional arguments that they got, after the target.
        kwargs: Their keyword arguments.
        request: The request that they got; a comparison ignores it.
    """

    url: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    request: Any = field(default=None, repr=False, compare=False)


class Recorded:
    """The hits that reached the callbacks, in the order in which they came in.

    Attributes:
        opens: The hits of pixels.
        clicks: The hits of links.
    """

    def __init__(self) -> None:
        self.opens: list[Open] = []
        self.clicks: list[Click] = []


@contextmanager
def recorded(registry: Tracker = tracker) -> Iterator[Recorded]:
    """Keep the hits that reach the callbacks while the block runs.

    The project's own callbacks run as always.

    Args:
        registry: The tracker of a middleware that has one of its own.
    """
    records = Recorded()

    class Opens(TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            records.opens.append(Open(args, kwargs, request))

    class Clicks(TrackingLink):
        def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
            records.clicks.append(Click(url, args, kwargs, request))

    registry.register(Opens)
    registry.register(Clicks)
    try:
        yield records
    finally:
        registry.unregister(Opens)
        registry.unregister(Clicks)
