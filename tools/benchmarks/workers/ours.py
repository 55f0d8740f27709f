"""The cases of ptrack, of the floor, and of Django without either."""

import asyncio
import random
import string
from html.parser import HTMLParser
from typing import Any

import bare
import ours_site
from bare import decrypt, encrypt_sample
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django_site import (
    ASYNC_CONSTANT,
    CONSTANT,
    IDLE,
    MIDDLEWARE,
    IdleMiddleware,
    asgi_handler,
    page,
    request_asgi,
    request_wsgi,
    start_response,
    with_second,
    wsgi_handler,
)
from loop import BrokenCaseError, Case, serve
from pixels import Appending
from recording import record
from sample import (
    APP_URL,
    ARGS,
    KWARGS,
    LINKS,
    MAIL,
    OTHER_PATH,
    PREFIX,
    SECRET,
    environ,
    scope,
)

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core.callbacks import Tracker
from ptrack.email import TrackedTemplate, track_html
from ptrack.middleware import PtrackMiddleware
from ptrack.wsgi import PtrackWSGIMiddleware

PAYLOADS = (16, 64, 256, 1024, 4096)
KEYS = (1, 2, 4, 8)
CALLBACKS = (1, 4, 16, 64)
PIXEL = (bare.GIF, bare.HEADERS)
ASGI_PIXEL = (bare.GIF, bare.ASGI_HEADERS)

TOKEN = ptrack.PtrackEncoder.encrypt(*ARGS, **KWARGS)
PATH = f"{PREFIX}{TOKEN}/"
# One bit of the box is another one, well behind its authenticator.
MIDDLE = len(TOKEN) * 3 // 4
FORGED = TOKEN[:MIDDLE] + ("A" if TOKEN[MIDDLE] != "A" else "B") + TOKEN[MIDDLE + 1 :]
ALPHABET = string.ascii_letters + string.digits + "-_"


def nothing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Be the app that the middleware goes around."""
    start_response("200 OK", [])
    return [b"page"]


def garbage(length: int, alphabet: str = ALPHABET) -> str:
    """Give the same text at every run."""
    return "".join(random.Random(length).choices(alphabet, k=length))


async def asgi_nothing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Be the app that the ASGI middleware goes around."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


tracking = PtrackWSGIMiddleware(nothing, SECRET, app_url=APP_URL)
asgi_tracking = PtrackASGIMiddleware(asgi_nothing, SECRET, app_url=APP_URL)


# -- requests -------------------------------------------------------------------------


def answered(application: Any, request: dict[str, Any]) -> tuple[bytes, list[Any]]:
    """Give what an app answers: body and headers."""
    headers: list[Any] = []

    def start(status: str, given: list[Any], *_: Any) -> None:
        headers.extend([status, *given])

    return b"".join(application(request, start)), headers


def plain(application: Any, path: str, *, hit: bool = True, like: Any = None) -> Case:
    """Give the case of a WSGI app that is called, and nothing around it.

    Args:
        application: The app.
        path: What is requested of it.
        hit: It records that.
        like: The answer; the pixel by default.
    """
    request = environ(path)
    before = request.copy()
    body, (status, *headers) = answered(application, request)
    if (body, headers) != (like or PIXEL) or status != "200 OK":
        raise BrokenCaseError(f"{application} answers {status} {headers} {body!r}")
    if request != before:
        # The request is used again, so that its making isn't on the clock.
        raise BrokenCaseError(f"{application} changes the request")
    return Case(application, (request, start_response), records=hit)


async def receive_nothing() -> dict[str, Any]:
    """Be the way in of a request that has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send_nowhere(message: dict[str, Any]) -> None:
    """Take a part of an answer and do nothing with it."""


def plain_async(
    application: Any, path: str, *, hit: bool = True, like: Any = None, **more: Any
) -> Case:
    """Give the case of an ASGI app that is called, and nothing around it.

    Args:
        application: The app.
        path: What is requested of it.
        hit: It records that.
        like: The answer: body and headers; the pixel by default.
        more: Of the `Case`.
    """
    request = scope(path)
    before = request.copy()
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(request, receive_nothing, send))
    start, body = sent
    found = (body["body"], start["headers"])
    if found != (like or ASGI_PIXEL) or start["status"] != 200 or request != before:
        raise BrokenCaseError(f"{application} answers {sent}")
    return Case(
        application, (request, receive_nothing, send_nowhere), records=hit, **more
    )


def whole(application: Any, path: str, body: bytes, *, hit: bool = True) -> Case:
    """Give the case of a request as a server handles it: consumed and closed."""
    request = environ(path)
    found = request_wsgi(application, request)
    if found != body:
        raise BrokenCaseError(f"{application} answers {found[:200]!r}")
    return Case(request_wsgi, (application, request), records=hit)


def whole_async(
    application: Any, body: bytes = bare.GIF, *, hit: bool = True, **more: Any
) -> Case:
    """Give the case of a hit's request as an ASGI server handles it."""
    request = scope(PATH)
    found = asyncio.run(request_asgi(application, request))
    if found != body:
        raise BrokenCaseError(f"{application} answers {found[:200]!r}")
    return Case(request_asgi, (application, request), records=hit, **more)


# -- cases ----------------------------------------------------------------------------


def floor() -> dict[str, Case]:
    """What can't be saved, and what Django takes whatever ptrack does."""
    return {
        "decrypt": Case(decrypt, (TOKEN,)),
        "encrypt": Case(encrypt_sample),
        "bare": plain(bare.application, PATH),
        "bare_asgi": plain_async(bare.asgi_application, PATH),
        "constant": whole(
            wsgi_handler([CONSTANT, *MIDDLEWARE]), PATH, b"constant", hit=False
        ),
        "constant_async": whole_async(
            asgi_handler([ASYNC_CONSTANT, *MIDDLEWARE]), b"constant", hit=False
        ),
    }


def hits() -> dict[str, Case]:
    """Each way that a pixel can be answered."""
    behind = with_second(ours_site.PTRACK)
    return {
        "wsgi": plain(tracking, PATH),
        "wsgi_counted": counted(),
        # A coroutine function, as the loop of the worker wants one.
        "asgi": plain_async(
            asgi_tracking.__call__, PATH, before=to_async, after=to_sync
        ),
        "asgi_sync": plain_async(asgi_tracking.__call__, PATH),
        "around": whole(PtrackWSGIMiddleware(wsgi_handler()), PATH, bare.GIF),
        "django": whole(wsgi_handler(behind), PATH, bare.GIF),
        "django_urls": whole(wsgi_handler(), PATH, bare.GIF),
        "django_async": whole_async(asgi_handler(behind)),
        "django_async_callback": whole_async(
            asgi_handler(behind), before=to_async, after=to_sync
        ),
        "django_urls_async": whole_async(asgi_handler()),
    }


class Counting(ptrack.Counters):
    """Counts hits in a number."""

    hits = 0

    def hit(self) -> None:
        """Count."""
        self.hits += 1


def counted() -> Case:
    """Give the case of a hit that is counted, too."""
    tracker = Tracker()
    tracker.register(Appending)
    tracker.counters = Counting()
    return plain(PtrackWSGIMiddleware(nothing, SECRET, tracker=tracker), PATH)


class AsyncCallback(ptrack.TrackingPixel):
    """Appends to the list, as a coroutine."""

    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Take the hit."""
        record((args, kwargs))


def to_async() -> None:
    """Put the async callback into the place of the sync one."""
    ptrack.tracker.unregister(Appending)
    ptrack.tracker.register(AsyncCallback)


def to_sync() -> None:
    """Put the sync callback back."""
    ptrack.tracker.unregister(AsyncCallback)
    ptrack.tracker.register(Appending)


def passing() -> dict[str, Case]:
    """A request that isn't the pixel's."""
    response = HttpResponse("page")
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", OTHER_PATH, OTHER_PATH

    def get_response(request: HttpRequest) -> HttpResponse:
        return response

    def passed(application: Any) -> Case:
        return plain(application, OTHER_PATH, hit=False, like=(b"page", []))

    def passed_async(application: Any) -> Case:
        return plain_async(application, OTHER_PATH, hit=False, like=(b"page", []))

    behind = with_second(ours_site.PTRACK)
    return {
        "pass_app": passed(nothing),
        "pass_wsgi": passed(tracking),
        "pass_asgi_app": passed_async(asgi_nothing),
        "pass_asgi": passed_async(asgi_tracking.__call__),
        "pass_idle": Case(IdleMiddleware(get_response), (request,)),
        "pass_django": Case(PtrackMiddleware(get_response), (request,)),
        "pass_idle_whole": whole(
            wsgi_handler(with_second(IDLE)), OTHER_PATH, b"page", hit=False
        ),
        "pass_django_whole": whole(
            wsgi_handler(behind), OTHER_PATH, b"page", hit=False
        ),
    }


def making() -> dict[str, Case]:
    """A pixel's URL and its tag."""
    template = Template(
        "{% load ptrack %}{% ptrack 'testarg' key1='arg1' key2='arg2' %}"
    )
    for made in (template.render(Context()), ptrack.pixel_url(*ARGS, **KWARGS)):
        if f"{APP_URL}{PREFIX}" not in made:
            raise BrokenCaseError(f"no URL: {made}")
    return {
        "url": Case(lambda: ptrack.pixel_url("testarg", key1="arg1", key2="arg2")),
        "url_wsgi": Case(
            lambda: tracking.pixel_url("testarg", key1="arg1", key2="arg2")
        ),
        "tag": Case(lambda: ptrack.pixel_tag("testarg", key1="arg1", key2="arg2")),
        "tag_template": Case(lambda: template.render(Context())),
    }


def mails() -> dict[str, Case]:
    """A whole mail, and what of it is the parser's and what the encryption's."""
    template = TrackedTemplate(MAIL)
    targets = [f"https://shop.example/articles/{number}" for number in range(LINKS)]
    for made in (track_html(MAIL, *ARGS, **KWARGS), template.render(*ARGS, **KWARGS)):
        if made.count(f"{APP_URL}{PREFIX}") != LINKS + 1:
            raise BrokenCaseError(f"a mail isn't tracked: {made}")
    return {
        "mail_parser": Case(parsed),
        "mail_urls": Case(
            lambda: [ptrack.link_url(url, *ARGS, **KWARGS) for url in targets]
        ),
        "mail": Case(lambda: track_html(MAIL, *ARGS, **KWARGS)),
        "mail_opens": Case(lambda: track_html(MAIL, *ARGS, clicks=False, **KWARGS)),
        "mail_template": Case(lambda: template.render(*ARGS, **KWARGS)),
    }


def parsed() -> None:
    """Do with a mail what can't be done without: have it parsed."""
    parser = HTMLParser()
    parser.feed(MAIL)
    parser.close()


def refused() -> dict[str, Case]:
    """What isn't a token."""
    django = wsgi_handler(with_second(ours_site.PTRACK))
    paths = {
        "forged": FORGED,
        "garbage_20": garbage(20),
        "garbage_60000": garbage(60_000),
        # As servers hand over bytes that aren't ASCII.
        "garbage_60000_bytes": garbage(60_000, "\x80\xe9\xff\xc3\xa9az"),
    }
    found = {}
    for name, token in paths.items():
        path = f"{PREFIX}{token}/"
        found[name] = plain(tracking, path, hit=False)
        if path.isascii():
            # Else it is Django's own repair of the path that would be timed.
            found[f"{name}_django"] = whole(django, path, bare.GIF, hit=False)
    return found


def growth() -> dict[str, Case]:
    """More data, more secrets, more callbacks."""
    found = {}
    for size in PAYLOADS:
        path = f"{PREFIX}{ptrack.PtrackEncoder.encrypt(garbage(size))}/"
        found[f"payload_{size}_bare"] = plain(bare.application, path)
        found[f"payload_{size}"] = plain(tracking, path)
    for count in KEYS:
        newer = [f"{number}-newer" for number in range(count - 1)]
        secret, *fallbacks = [*newer, SECRET]
        rotated = PtrackWSGIMiddleware(nothing, secret, secret_fallbacks=fallbacks)
        found[f"keys_{count}"] = plain(rotated, PATH)
    for count in CALLBACKS:
        found[f"callbacks_{count}"] = many_callbacks(count)
    return found


def many_callbacks(count: int) -> Case:
    """Give the case of a hit that runs so many callbacks, of which one records."""
    tracker = Tracker()

    class Idle(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            pass

    for number in range(count - 1):
        tracker.register(type(f"Idle{number}", (Idle,), {}))
    tracker.register(Appending)
    return plain(PtrackWSGIMiddleware(nothing, SECRET, tracker=tracker), PATH)


def lengths(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, int]:
    """Give those of the token and the URL for some data."""
    return {
        "token": len(ptrack.PtrackEncoder.encrypt(*args, **kwargs)),
        "url": len(ptrack.pixel_url(*args, **kwargs)),
    }


def main() -> None:
    """Serve them all."""
    if page(HttpRequest()).content != b"page":
        raise BrokenCaseError("the site has no pages")
    cases = {
        **floor(),
        **hits(),
        **passing(),
        **making(),
        **mails(),
        **refused(),
        **growth(),
    }
    serve(cases, lengths, path=PATH)


if __name__ == "__main__":
    main()
