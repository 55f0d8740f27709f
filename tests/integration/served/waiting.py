"""Apps that leave hits to a broker, and need a thread for their own page."""

import asyncio
import os
from pathlib import Path
from typing import Any

from celery import Celery

import ptrack
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.wsgi import PtrackWSGIMiddleware

app = Celery(
    "waiting", broker=os.environ["BROKER"], include=["ptrack.background.celery"]
)
ENGINE = "celery:tests.integration.served.waiting.app"


@ptrack.tracker.register
class Slow(ptrack.TrackingPixel):
    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        with Path(os.environ["RECORDED"]).open("a") as file:
            file.write(f"{args[0]}\n")


async def page(scope: Any, receive: Any, send: Any) -> None:
    body = await asyncio.to_thread("page".encode)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def make_asgi() -> Any:
    return PtrackASGIMiddleware(page, background=ENGINE)


def page_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"page"]


def make_wsgi() -> Any:
    return PtrackWSGIMiddleware(page_wsgi, background=ENGINE)


def make_django() -> Any:
    """Make a site under ASGI, whose page is sync and so needs its one thread."""
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path

    urls = [path("page", lambda request: HttpResponse(b"page"))]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["ptrack"],
        MIDDLEWARE=["ptrack.middleware.PtrackMiddleware"],
        PTRACK_BACKGROUND=ENGINE,
        PTRACK_SECRET=os.environ["PTRACK_SECRET"],
        ROOT_URLCONF=type("urls", (), {"urlpatterns": urls}),
    )
    django.setup()
    return get_asgi_application()
