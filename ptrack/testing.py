"""Tests of one's own mails: what they track, and what opens and clicks record.

`tracked` finds the pixels and links of a mail and what they carry. They can be opened
and clicked, with real requests through the project's own settings, middleware and
callbacks. `recorded` gives what reached the callbacks; pytest has it as the fixture
``ptrack_recorded``.

Nothing here belongs into a running site, and nothing there imports it.
"""

import asyncio
import email.policy
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message, MIMEPart
from functools import partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from . import conf
from .core.answers import GIF
from .core.callbacks import Tracker, TrackingLink, TrackingPixel, tracker
from .core.endpoint import Carried

if TYPE_CHECKING:
    from django.core.mail import EmailMessage

    from .asgi import PtrackASGIMiddleware
    from .wsgi import PtrackWSGIMiddleware

    App = PtrackASGIMiddleware | PtrackWSGIMiddleware

Headers = Mapping[str, str]


# -- what a mail carries --------------------------------------------------------------


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
    _get: Callable[[Headers], Any] = field(repr=False, compare=False)

    def open(self, headers: Headers | None = None) -> Any:
        """Load it, as a mail client does that shows images.

        Args:
            headers: Of the request, for example ``{"User-Agent": "Mail/1"}``.

        Returns:
            The response, of Django's test client or else of WebOb.

        Raises:
            AssertionError: What answered is not ptrack.
        """
        response = self._get(headers or {})
        if (response.status, response.body) != (200, GIF):
            raise _unanswered(response)
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
    _get: Callable[[Headers], Any] = field(repr=False, compare=False)

    def click(self, headers: Headers | None = None) -> Any:
        """Follow it as far as ptrack; the target isn't asked for.

        Args:
            headers: As for `Pixel.open`.

        Returns:
            The redirect, of Django's test client or else of WebOb.

        Raises:
            AssertionError: What answered is not ptrack.
        """
        response = self._get(headers or {})
        if response.status != 302:
            raise _unanswered(response)
        return response.raw


@dataclass(frozen=True)
class Tracked:
    """What of a mail is tracked, in the order of its source.

    Attributes:
        pixels: Its pixels.
        links: Its tracked links.
    """

    pixels: list[Pixel]
    links: list[Link]

    def open(self, headers: Headers | None = None) -> None:
        """Open the mail in a client that shows images: load all of its pixels.

        Args:
            headers: Of each request, as for `Pixel.open`.

        Raises:
            AssertionError: There is no pixel, or what answered is not ptrack.
        """
        if not self.pixels:
            raise AssertionError("the mail has no pixel of this site's ptrack")
        for pixel in self.pixels:
            pixel.open(headers)

    def click(self, target: str, headers: Headers | None = None) -> Any:
        """Click on the first link that leads to a target.

        Args:
            target: The target, as it was given to the link.
            headers: As for `Link.click`.

        Returns:
            What `Link.click` does.

        Raises:
            AssertionError: No tracked link leads there, or what answered is not ptrack.
        """
        for link in self.links:
            if link.target == target:
                return link.click(headers)
        targets = ", ".join(link.target for link in self.links) or "nowhere"
        raise AssertionError(f"no tracked link leads to {target}, but to: {targets}")


def tracked(mail: "EmailMessage | Message | str", app: "App | None" = None) -> Tracked:
    """Find out what of a mail is tracked.

    Args:
        mail: Django's ``EmailMessage``, of any kind; the standard library's; or the
            text of an HTML body. Messages are looked at as they are sent, encoded and
            parsed again: all bodies of HTML, and URLs in those of plain text.
        app: The WSGI or ASGI middleware whose URLs these are. By default they are those
            of Django's settings where they are configured, else of the environment.

    Returns:
        The pixels and links that were made with the secrets in force. A URL that can't
        be read is none.

    Raises:
        TypeError: It is no mail.
        PtrackConfigurationError: A setting is missing or bad. Under Django,
            ``ImproperlyConfigured``.
    """
    site = _site(app)
    found = Tracked([], [])
    for url in _urls(mail):
        carried = site.carried_by(url)
        if carried is None:
            continue
        target, args, kwargs, path = carried
        get = partial(site.get, _address(url, path))
        if target is None:
            found.pixels.append(Pixel(url, args, kwargs, get))
        else:
            found.links.append(Link(url, target, args, kwargs, get))
    return found


def _urls(mail: Any) -> Iterator[str]:
    if isinstance(mail, str):
        yield from _html_urls(mail)
        return
    sent = email.message_from_bytes(
        _standard(mail).as_bytes(), policy=email.policy.default
    )
    for part in _shown(sent):
        if part.get_content_type() == "text/html":
            yield from _html_urls(part.get_content())
        elif part.get_content_type() == "text/plain":
            yield from _text_urls(part.get_content())


def _shown(message: MIMEPart) -> Iterator[MIMEPart]:
    """Give the parts that a mail client shows: not what is attached, mails either."""
    if message.is_attachment() or message.get_content_maintype() == "message":
        return
    if not message.is_multipart():
        yield message
        return
    for part in message.iter_parts():
        yield from _shown(part)


def _standard(mail: Any) -> Message:
    """Give a mail as a message of the standard library, as Django sends its own."""
    if isinstance(mail, Message):
        return mail
    if not hasattr(mail, "message"):
        raise TypeError(
            f"{type(mail).__qualname__} is no mail: give Django's EmailMessage, the "
            "standard library's, or HTML as str"
        )
    message: Message = mail.message()
    return message


def _text_urls(text: str) -> Iterator[str]:
    for url in re.findall(r"https?://[^\s<>\"]+", text):
        # What ends a sentence ends no URL of ours.
        yield url.rstrip(".,:;!?)]}'")


def _html_urls(html: str) -> list[str]:
    parser = _Attributes()
    parser.feed(html)
    parser.close()
    return parser.urls


class _Attributes(HTMLParser):
    """Collects what may be a URL in a mail client's eyes, its escapes undone."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(
        self,
        tag: str,  # noqa: ARG002 - the parser's name; every element can have one
        attrs: list[tuple[str, str | None]],
    ) -> None:
        for name, value in attrs:
            if name in ("href", "src", "background") and value:
                self.urls.append(value.strip())
            elif name == "style" and value:
                self.urls += re.findall(r"url\(\s*['\"]?([^'\")\s]+)", value)

    def handle_comment(self, data: str) -> None:
        # Outlook reads its conditional comments; to all others they are comments.
        start, _, content = data.partition(">")
        if start.lstrip().lower().startswith("[if"):
            self.urls += _html_urls(content)


# -- the site -------------------------------------------------------------------------


class _Address(NamedTuple):
    """A URL, as what serves the site takes it apart.

    Attributes:
        scheme: Of the URL; empty where it has none.
        host: With the port; empty where there is none.
        mount: The path that the app is mounted at, decoded.
        path: What is below that, quoted.
    """

    scheme: str
    host: str
    mount: str
    path: str


def _address(url: str, path: str) -> _Address:
    scheme, host, whole, *_ = urlsplit(url)
    mount = unquote(whole).removesuffix(path)
    return _Address(scheme, host, mount if host else "", quote(path))


def _sent(address: _Address, headers: Headers) -> dict[str, str]:
    host = {"host": address.host} if address.host else {}
    return host | {name.lower(): value for name, value in headers.items()}


class _Response(NamedTuple):
    """What a client got, and the response as it has it."""

    status: int
    body: bytes
    raw: Any


class _Site(Protocol):
    """What answers: the project, or an app."""

    def carried_by(self, url: str) -> Carried | None:
        """Give what a URL carries: see `Endpoint.carried_by`."""

    def get(self, address: _Address, headers: Headers) -> _Response:
        """Send a request."""


class _DjangoSite:
    """The project, through Django's test client, and with that its middleware."""

    def carried_by(self, url: str) -> Carried | None:
        return conf.django_endpoint().carried_by(url)

    def get(self, address: _Address, headers: Headers) -> _Response:
        from django.test import Client

        response: Any = Client(headers=_sent(address, headers)).get(
            address.path, secure=address.scheme == "https", SCRIPT_NAME=address.mount
        )
        return _Response(response.status_code, response.getvalue(), response)


class _WsgiSite:
    """A WSGI middleware, through WebOb."""

    def __init__(self, app: "PtrackWSGIMiddleware") -> None:
        self._app = app

    def carried_by(self, url: str) -> Carried | None:
        return self._app.carried_by(url)

    def get(self, address: _Address, headers: Headers) -> _Response:
        from webob import Request

        origin = f"{address.scheme or 'http'}://{address.host or 'localhost'}"
        request = Request.blank(
            address.path,
            base_url=origin + quote(address.mount),
            headers=_sent(address, headers),
        )
        # Servers have it, WebOb hasn't.
        request.remote_addr = "127.0.0.1"
        response = request.get_response(self._app)
        return _Response(response.status_code, response.body, response)


class _AsgiSite:
    """An ASGI middleware, called in an event loop that lives as long as the request."""

    def __init__(self, app: "PtrackASGIMiddleware") -> None:
        self._app = app

    def carried_by(self, url: str) -> Carried | None:
        return self._app.carried_by(url)

    def get(self, address: _Address, headers: Headers) -> _Response:
        from webob import Response

        # In a thread, as a test may be running in an event loop itself.
        with ThreadPoolExecutor(1) as threads:
            answering = _answered(self._app, _scope(address, headers))
            start, body = threads.submit(asyncio.run, answering).result()
        response = Response(
            body["body"],
            start["status"],
            [
                (name.decode("latin-1").title(), value.decode("latin-1"))
                for name, value in start["headers"]
            ],
        )
        return _Response(response.status_code, response.body, response)


def _scope(address: _Address, headers: Headers) -> dict[str, Any]:
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
            for name, value in _sent(address, headers).items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": (address.host or "localhost", 80),
    }


async def _answered(app: "PtrackASGIMiddleware", scope: dict[str, Any]) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    # From which nothing ever comes: there is no body.
    await app(scope, asyncio.Queue[Any]().get, send)
    return sent


def _site(app: "App | None") -> _Site:
    from .asgi import PtrackASGIMiddleware

    if isinstance(app, PtrackASGIMiddleware):
        return _AsgiSite(app)
    if app is not None:
        return _WsgiSite(app)
    if conf.in_django():
        return _DjangoSite()
    from .wsgi import mirror

    return _WsgiSite(mirror())


def _unanswered(response: _Response) -> AssertionError:
    if response.status == 400:
        hint = "is the host of PTRACK_APP_URL in ALLOWED_HOSTS?"
    else:
        hint = "is its middleware in MIDDLEWARE, or ptrack.urls in the URLconf?"
    return AssertionError(f"status {response.status} is not ptrack's answer: {hint}")


# -- what was recorded ----------------------------------------------------------------


@dataclass(frozen=True)
class Open:
    """A hit that reached the callbacks of pixels.

    Attributes:
        args: The positional arguments that they got.
        kwargs: Their keyword arguments.
        request: The request that they got; two opens are equal without it.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    request: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Click:
    """A click that reached the callbacks of links.

    Attributes:
        url: The target.
        args: The positional arguments that they got, after the target.
        kwargs: Their keyword arguments.
        request: The request that they got; two clicks are equal without it.
    """

    url: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    request: Any = field(default=None, repr=False, compare=False)


class Recorded:
    """What was recorded, in the order of its coming in.

    Attributes:
        opens: Hits of pixels.
        clicks: Clicks on links.
    """

    def __init__(self) -> None:
        self.opens: list[Open] = []
        self.clicks: list[Click] = []


@contextmanager
def recorded(registry: Tracker = tracker) -> Iterator[Recorded]:
    """Keep what reaches the callbacks while the block runs; theirs run as always.

    Args:
        registry: What a middleware with a tracker of its own was given.
    """
    found = Recorded()

    class Opens(TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            found.opens.append(Open(args, kwargs, request))

    class Clicks(TrackingLink):
        def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
            found.clicks.append(Click(url, args, kwargs, request))

    registry.register(Opens)
    registry.register(Clicks)
    try:
        yield found
    finally:
        registry.unregister(Opens)
        registry.unregister(Clicks)
