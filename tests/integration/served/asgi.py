"""A Starlette app with ptrack around it, and a mirror, for ASGI servers."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ptrack.asgi import PtrackASGIMiddleware, mirror


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


def make_app() -> PtrackASGIMiddleware:
    app = Starlette(routes=[Route("/page/", page)])
    return PtrackASGIMiddleware(app, pixels="tests.integration.served.pixels")


def make_mirror() -> PtrackASGIMiddleware:
    return mirror(pixels="tests.integration.served.pixels")
