"""ptrack around any ASGI app (https://asgi.readthedocs.io/), and alone as a mirror."""

from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any

from .core.answers import NOT_FOUND, Answer
from .core.concurrency import ended, outside_asyncio
from .requests import PixelRequest, path_below
from .wrapper import Around

__all__ = ["PixelRequest", "PtrackASGIMiddleware", "mirror"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class PtrackASGIMiddleware(Around[Callable[..., Awaitable[Any]]]):
    """Answers pixels, and passes everything else to the app untouched.

    Sync callbacks run in threads of the event loop's own pool, async ones in the loop.
    Where the server's loop is trio's, async ones get one of asyncio's.

    Args:
        app: An ASGI application, of version 3; ``None`` for a mirror, where all but
            pixels is 404.
        secret, …: As for `ptrack.wrapper.Around`.
    """

    @cached_property
    def _match(self) -> Callable[[str], str | None]:
        # Looked up once: this is all that a request that isn't ours pays for.
        return self._endpoint.match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under the prefix; leave all else to the app."""
        token = None
        if scope["type"] == "http":
            # Mounts are looked for only where there is one.
            below = path_below(scope) if scope.get("root_path") else scope.get("path")
            token = self._match(below or "")
        if token is None:
            await self._app(scope, receive, send)
            return
        method: str = scope.get("method") or ""

        def request() -> PixelRequest:
            return PixelRequest.of_scope(scope)

        # None is running under trio; `get_running_loop` would raise.
        if _get_running_loop() is None:
            answer = await outside_asyncio(
                self._endpoint.answer, method, token, request
            )
        else:
            # What `aanswer` does, in one coroutine less.
            answer, recording = self._endpoint.begin(
                method, token, request, thread_sensitive=False
            )
            if recording is not None:
                await ended(recording)
        await _respond(answer, answer.body, send)

    @staticmethod
    async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            bodiless = scope.get("method") == "HEAD"
            await _respond(NOT_FOUND, b"" if bodiless else NOT_FOUND.body, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        elif kind == "lifespan":
            await _live(receive, send)
        else:
            # What the specification asks of who doesn't know a protocol.
            raise ValueError(f"a mirror speaks no {kind}")


def mirror(**options: Any) -> PtrackASGIMiddleware:
    """Give an app that only records: ``uvicorn --factory ptrack.asgi:mirror``.

    Args:
        options: As for `PtrackASGIMiddleware`.
    """
    try:
        return PtrackASGIMiddleware(None, **options)
    finally:
        # Error trackers show what a frame holds: not the secrets, if one was bad.
        options.clear()


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
        # The client has gone away, and there is nobody left to tell.
        return


async def _live(receive: Receive, send: Send) -> None:
    """Be told of the server's start and end, at which there is nothing to do."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
