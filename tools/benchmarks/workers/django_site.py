"""The Django site that every side has, and requests to it.

It is the one of ``startproject``: its default MIDDLEWARE and apps, with thirty URL
patterns before the pixel's and sessions in signed cookies. No database is opened.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import django
from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def page(request: HttpRequest, **_: Any) -> HttpResponse:
    """Answer for any page that isn't the pixel."""
    return HttpResponse("page")


OTHER_PATTERNS = [
    path(f"page-{number}/" if number % 2 else f"part-{number}/<slug:name>/", page)
    for number in range(30)
]


def insert_second(middleware: str) -> list[str]:
    """Return the default MIDDLEWARE with another one right after the first."""
    return [MIDDLEWARE[0], middleware, *MIDDLEWARE[1:]]


def configure(
    urlconf: str,
    *apps: str,
    middleware: list[str] = MIDDLEWARE,
    database: str = ":memory:",
    **more: Any,
) -> None:
    """Configure Django as for a site in production.

    Args:
        urlconf: The module of its URL patterns.
        apps: Its apps beside the default ones.
        middleware: Its MIDDLEWARE.
        database: The file of its database.
        more: Its settings beside the default ones.
    """
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["www.example.com", "127.0.0.1"],
        ROOT_URLCONF=urlconf,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=middleware,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
        },
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
            }
        ],
        USE_TZ=True,
        **more,
    )
    django.setup()


def make_wsgi(middleware: list[str] = MIDDLEWARE) -> WSGIHandler:
    """Return Django's WSGI application with this MIDDLEWARE."""
    with override_settings(MIDDLEWARE=middleware):
        return WSGIHandler()


def make_asgi(middleware: list[str] = MIDDLEWARE) -> ASGIHandler:
    """Return Django's ASGI application with this MIDDLEWARE."""
    with override_settings(MIDDLEWARE=middleware):
        return ASGIHandler()


class ConstantMiddleware:
    """The least that Django can do: the first middleware answers a constant."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse(b"constant", content_type="image/gif")


class AsyncConstantMiddleware:
    """The same under ASGI, without a change of thread."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse(b"constant", content_type="image/gif")


class IdleMiddleware:
    """Does nothing: the least that any middleware adds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)


CONSTANT = f"{__name__}.{ConstantMiddleware.__name__}"
ASYNC_CONSTANT = f"{__name__}.{AsyncConstantMiddleware.__name__}"
IDLE = f"{__name__}.{IdleMiddleware.__name__}"


def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
    """Take the head of an answer and do nothing with it."""


def request_wsgi(application: Any, request: dict[str, Any]) -> bytes:
    """Handle a request as a server does: call, consume, close. Return the body."""
    response = application(request.copy(), start_response)
    body = b"".join(response)
    # Without it Django's signal that the request is over would not be sent.
    if hasattr(response, "close"):
        response.close()
    return body


async def request_asgi(application: Any, request: dict[str, Any]) -> bytes:
    """Handle a request as a server of ASGI does; return the body."""
    received: list[None] = []
    body = bytearray()

    async def receive() -> dict[str, Any]:
        if received:
            # The client stays; Django cancels this once it has answered.
            await asyncio.get_running_loop().create_future()
        received.append(None)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        body.extend(message.get("body", b""))

    await application({**request, "headers": list(request["headers"])}, receive, send)
    return bytes(body)
