"""ptrack around any ASGI app (https://asgi.readthedocs.io/), and alone as a mirror."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property, partial
from typing import Any, Unpack

from .conf import Options
from .core.answers import NOT_FOUND, Answer
from .core.concurrency import run_outside_asyncio
from .requests import PixelRequest, find_path
from .wrapper import Wrapper, clear

__all__ = ["PixelRequest", "PtrackASGIMiddleware", "mirror"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class PtrackASGIMiddleware(Wrapper[Callable[..., Awaitable[Any]]]):
    """Answers pixels and links, and passes everything else to the app untouched.

    Sync callbacks run in threads of ptrack's own, async ones in the event loop.
    Where the server's loop is trio's, async ones get one of asyncio's.

    Args:
        app: An ASGI application, of version 3; ``None`` for a mirror, which answers 404
            to all else.
        options: See `ptrack.conf.Options`.
    """

    @cached_property
    def _match(self) -> Callable[[str], str | None]:
        # Looked up once: all other requests pay for nothing else.
        return self._endpoint.match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the prefix; leave all else to the app."""
        token = None
        if scope["type"] == "http":
            # Most apps aren't mounted, and need no search for the mount.
            path = find_path(scope) if scope.get("root_path") else scope.get("path")
            token = self._match(path or "")
        if token is None:
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope, token)
        await _respond(answer, answer.body, send)

    def _answer(self, scope: Scope, token: str) -> Awaitable[Answer]:
        method: str = scope.get("method") or ""
        request = partial(PixelRequest.from_scope, scope)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # The loop is trio's.
            return run_outside_asyncio(self._endpoint.answer, method, token, request)
        return self._endpoint.aanswer(method, token, request, thread_sensitive=False)

    @staticmethod
    async def _answer_not_found(scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            bodiless = scope.get("method") == "HEAD"
            await _respond(NOT_FOUND, b"" if bodiless else NOT_FOUND.body, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        elif kind == "lifespan":
            await _answer_lifespan(receive, send)
        else:
            # The specification asks for an error if a protocol isn't known.
            raise ValueError(f"a mirror doesn't speak {kind}")


def mirror(**options: Unpack[Options]) -> PtrackASGIMiddleware:
    """Return an app that only records: ``uvicorn --factory ptrack.asgi:mirror``.

    Args:
        options: As for `PtrackASGIMiddleware`.
    """
    try:
        return PtrackASGIMiddleware(None, **options)
    finally:
        clear(options)


async def _respond(answer: Answer, body: bytes, send: Send) -> None:
    try:
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                # A fresh list: middlewares add headers of their own to it.
                "headers": list(answer.header_bytes),
            }
        )
        await send({"type": "http.response.body", "body": body})
    except OSError:
        # The client has gone away.
        return


async def _answer_lifespan(receive: Receive, send: Send) -> None:
    """Confirm the server's start and its end."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
