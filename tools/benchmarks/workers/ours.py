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
    insert_second,
    make_asgi,
    make_wsgi,
    page,
    request_asgi,
    request_wsgi,
    start_response,
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
    make_environ,
    make_scope,
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
# The forged token has another bit in its box, well behind the authenticator.
MIDDLE = len(TOKEN) * 3 // 4
FORGED = TOKEN[:MIDDLE] + ("A" if TOKEN[MIDDLE] != "A" else "B") + TOKEN[MIDDLE + 1 :]
ALPHABET = string.ascii_letters + string.digits + "-_"


def answer_page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Be the app that the middleware goes around."""
    start_response("200 OK", [])
    return [b"page"]


def make_garbage(length: int, alphabet: str = ALPHABET) -> str:
    """Return some text, the same at every run."""
    return "".join(random.Random(length).choices(alphabet, k=length))


async def aanswer_page(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Be the app that the ASGI middleware goes around."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


tracking = PtrackWSGIMiddleware(answer_page, secret=SECRET, app_url=APP_URL)
asgi_tracking = PtrackASGIMiddleware(aanswer_page, secret=SECRET, app_url=APP_URL)


# -- requests -------------------------------------------------------------------------


def request_answer(
    application: Any, request: dict[str, Any]
) -> tuple[bytes, list[Any]]:
    """Return the answer of an app: body, and status and headers."""
    headers: list[Any] = []

    def start(status: str, given: list[Any], *_: Any) -> None:
        headers.extend([status, *given])

    return b"".join(application(request, start)), headers


def call_wsgi(
    application: Any, path: str, *, hit: bool = True, like: Any = None
) -> Case:
    """Return the case of a WSGI app that is called, with nothing around it.

    Args:
        application: The app.
        path: The path that is requested.
        hit: Whether it records that.
        like: The answer; the pixel by default.
    """
    request = make_environ(path)
    before = request.copy()
    body, (status, *headers) = request_answer(application, request)
    if (body, headers) != (like or PIXEL) or status != "200 OK":
        raise BrokenCaseError(f"{application} answers {status} {headers} {body!r}")
    if request != before:
        # The request is used again, so that making it isn't on the clock.
        raise BrokenCaseError(f"{application} changes the request")
    return Case(application, (request, start_response), records=hit)


async def receive_nothing() -> dict[str, Any]:
    """Receive a request that has no body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send_nowhere(message: dict[str, Any]) -> None:
    """Drop a part of an answer."""


def call_asgi(
    application: Any, path: str, *, hit: bool = True, like: Any = None, **more: Any
) -> Case:
    """Return the case of an ASGI app that is called, with nothing around it.

    Args:
        application: The app.
        path: The path that is requested.
        hit: Whether it records that.
        like: The answer: body and headers; the pixel by default.
        more: Other attributes of the `Case`.
    """
    request = make_scope(path)
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


def serve_wsgi(application: Any, path: str, body: bytes, *, hit: bool = True) -> Case:
    """Return the case of a request as a server handles it: consumed and closed."""
    request = make_environ(path)
    found = request_wsgi(application, request)
    if found != body:
        raise BrokenCaseError(f"{application} answers {found[:200]!r}")
    return Case(request_wsgi, (application, request), records=hit)


def serve_asgi(
    application: Any, body: bytes = bare.GIF, *, hit: bool = True, **more: Any
) -> Case:
    """Return the case of a hit's request as an ASGI server handles it."""
    request = make_scope(PATH)
    found = asyncio.run(request_asgi(application, request))
    if found != body:
        raise BrokenCaseError(f"{application} answers {found[:200]!r}")
    return Case(request_asgi, (application, request), records=hit, **more)


# -- cases ----------------------------------------------------------------------------


def list_floor() -> dict[str, Case]:
    """Return the work that can't be saved, in ptrack and in Django."""
    return {
        "decrypt": Case(decrypt, (TOKEN,)),
        "encrypt": Case(encrypt_sample),
        "bare": call_wsgi(bare.application, PATH),
        "bare_asgi": call_asgi(bare.asgi_application, PATH),
        "constant": serve_wsgi(
            make_wsgi([CONSTANT, *MIDDLEWARE]), PATH, b"constant", hit=False
        ),
        "constant_async": serve_asgi(
            make_asgi([ASYNC_CONSTANT, *MIDDLEWARE]), b"constant", hit=False
        ),
    }


def list_hits() -> dict[str, Case]:
    """Return each way that a pixel can be answered."""
    behind = insert_second(ours_site.PTRACK)
    return {
        "wsgi": call_wsgi(tracking, PATH),
        "wsgi_counted": count_hit(),
        # A coroutine function, as the loop of the worker wants one.
        "asgi": call_asgi(
            asgi_tracking.__call__, PATH, before=use_async, after=use_sync
        ),
        "asgi_sync": call_asgi(asgi_tracking.__call__, PATH),
        "around": serve_wsgi(PtrackWSGIMiddleware(make_wsgi()), PATH, bare.GIF),
        "django": serve_wsgi(make_wsgi(behind), PATH, bare.GIF),
        "django_urls": serve_wsgi(make_wsgi(), PATH, bare.GIF),
        "django_async": serve_asgi(make_asgi(behind)),
        "django_async_callback": serve_asgi(
            make_asgi(behind), before=use_async, after=use_sync
        ),
        "django_urls_async": serve_asgi(make_asgi()),
    }


class Counting(ptrack.Counters):
    """Counts hits in a number."""

    hits = 0

    def hit(self, name: str) -> None:
        """Count."""
        self.hits += 1


def count_hit() -> Case:
    """Return the case of a hit that is counted, too."""
    tracker = Tracker()
    tracker.register(Appending)
    tracker.counters = Counting()
    return call_wsgi(
        PtrackWSGIMiddleware(answer_page, secret=SECRET, tracker=tracker), PATH
    )


class AsyncCallback(ptrack.TrackingPixel):
    """Appends to the list, as a coroutine."""

    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Record the hit."""
        record((args, kwargs))


def use_async() -> None:
    """Put the async callback in the place of the sync one."""
    ptrack.tracker.unregister(Appending)
    ptrack.tracker.register(AsyncCallback)


def use_sync() -> None:
    """Put the sync callback back."""
    ptrack.tracker.unregister(AsyncCallback)
    ptrack.tracker.register(Appending)


def list_pages() -> dict[str, Case]:
    """Return the ways that a request for a page passes through."""
    response = HttpResponse("page")
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", OTHER_PATH, OTHER_PATH

    def get_response(request: HttpRequest) -> HttpResponse:
        return response

    def call_page(application: Any) -> Case:
        return call_wsgi(application, OTHER_PATH, hit=False, like=(b"page", []))

    def acall_page(application: Any) -> Case:
        return call_asgi(application, OTHER_PATH, hit=False, like=(b"page", []))

    behind = insert_second(ours_site.PTRACK)
    return {
        "pass_app": call_page(answer_page),
        "pass_wsgi": call_page(tracking),
        "pass_asgi_app": acall_page(aanswer_page),
        "pass_asgi": acall_page(asgi_tracking.__call__),
        "pass_idle": Case(IdleMiddleware(get_response), (request,)),
        "pass_django": Case(PtrackMiddleware(get_response), (request,)),
        "pass_idle_whole": serve_wsgi(
            make_wsgi(insert_second(IDLE)), OTHER_PATH, b"page", hit=False
        ),
        "pass_django_whole": serve_wsgi(
            make_wsgi(behind), OTHER_PATH, b"page", hit=False
        ),
    }


def list_urls() -> dict[str, Case]:
    """Return the ways to make a pixel's URL and its tag."""
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


def list_mails() -> dict[str, Case]:
    """Return a whole mail, and the parts that parsing and encryption have in it."""
    template = TrackedTemplate(MAIL)
    targets = [f"https://shop.example/articles/{number}" for number in range(LINKS)]
    for made in (track_html(MAIL, *ARGS, **KWARGS), template.render(*ARGS, **KWARGS)):
        if made.count(f"{APP_URL}{PREFIX}") != LINKS + 1:
            raise BrokenCaseError(f"a mail isn't tracked: {made}")
    return {
        "mail_parser": Case(parse_mail),
        "mail_urls": Case(
            lambda: [ptrack.link_url(url, *ARGS, **KWARGS) for url in targets]
        ),
        "mail": Case(lambda: track_html(MAIL, *ARGS, **KWARGS)),
        "mail_opens": Case(lambda: track_html(MAIL, *ARGS, clicks=False, **KWARGS)),
        "mail_template": Case(lambda: template.render(*ARGS, **KWARGS)),
    }


def parse_mail() -> None:
    """Parse a mail, which is the least that has to be done."""
    parser = HTMLParser()
    parser.feed(MAIL)
    parser.close()


def list_garbage() -> dict[str, Case]:
    """Return requests whose tokens can't be read."""
    django = make_wsgi(insert_second(ours_site.PTRACK))
    paths = {
        "forged": FORGED,
        "garbage_20": make_garbage(20),
        "garbage_60000": make_garbage(60_000),
        # Servers hand over bytes that aren't ASCII in this form.
        "garbage_60000_bytes": make_garbage(60_000, "\x80\xe9\xff\xc3\xa9az"),
    }
    found = {}
    for name, token in paths.items():
        path = f"{PREFIX}{token}/"
        found[name] = call_wsgi(tracking, path, hit=False)
        if path.isascii():
            # With other paths, Django's own repair of the path would be timed.
            found[f"{name}_django"] = serve_wsgi(django, path, bare.GIF, hit=False)
    return found


def list_growth() -> dict[str, Case]:
    """Return hits with more data, more secrets and more callbacks."""
    found = {}
    for size in PAYLOADS:
        path = f"{PREFIX}{ptrack.PtrackEncoder.encrypt(make_garbage(size))}/"
        found[f"payload_{size}_bare"] = call_wsgi(bare.application, path)
        found[f"payload_{size}"] = call_wsgi(tracking, path)
    for count in KEYS:
        newer = [f"{number}-newer" for number in range(count - 1)]
        secret, *fallbacks = [*newer, SECRET]
        rotated = PtrackWSGIMiddleware(
            answer_page, secret=secret, secret_fallbacks=fallbacks
        )
        found[f"keys_{count}"] = call_wsgi(rotated, PATH)
    for count in CALLBACKS:
        found[f"callbacks_{count}"] = run_callbacks(count)
    return found


def run_callbacks(count: int) -> Case:
    """Return the case of a hit that runs so many callbacks, of which one records."""
    tracker = Tracker()

    class Idle(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            pass

    for number in range(count - 1):
        tracker.register(type(f"Idle{number}", (Idle,), {}))
    tracker.register(Appending)
    return call_wsgi(
        PtrackWSGIMiddleware(answer_page, secret=SECRET, tracker=tracker), PATH
    )


def measure_lengths(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, int]:
    """Return the lengths of the token and the URL for some data."""
    return {
        "token": len(ptrack.PtrackEncoder.encrypt(*args, **kwargs)),
        "url": len(ptrack.pixel_url(*args, **kwargs)),
    }


def main() -> None:
    """Serve all cases."""
    if page(HttpRequest()).content != b"page":
        raise BrokenCaseError("the site has no pages")
    cases = {
        **list_floor(),
        **list_hits(),
        **list_pages(),
        **list_urls(),
        **list_mails(),
        **list_garbage(),
        **list_growth(),
    }
    serve(cases, measure_lengths, path=PATH)


if __name__ == "__main__":
    main()
