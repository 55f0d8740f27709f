"""The client: several visitors, each with a connection of its own, on raw sockets."""

import asyncio
import random
import re
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ptrack.core.answers import GIF

from .books import Book
from .mix import Mix, Request
from .places import PAGE
from .processes import HOST, SoakError

VISITORS = 16
PATIENCE = 30.0
"""Seconds that a request may go without an answer, with all its repetitions."""

Done = TypeVar("Done")

_ENDLESS = 1_000_000
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_BODIES = {"page": PAGE, "head": b""}


class Client:
    """Sends requests to a server and keeps the books of the answers.

    Args:
        mix: Makes the requests.
        book: Notes all of them.
        port: Returns the port of the next connection.
        keep_alive: Use a connection again, unless the server says otherwise.
        hold: How likely a connection is used again.
        rest: Seconds that a visitor waits after an answer.
    """

    def __init__(
        self,
        mix: Mix,
        book: Book,
        port: Callable[[], int],
        *,
        keep_alive: bool,
        hold: float = 0.995,
        rest: float = 0,
    ) -> None:
        self.mix, self.book = mix, book
        self._port = port
        self._hold = hold if keep_alive else 0
        self._rest = rest
        self._random = random.Random(1)
        self._left = 0

    async def load(self, requests: int) -> None:
        """Send that many requests, and wait for all answers."""
        self._left = requests
        await asyncio.gather(*(self._visit(self.mix.next) for _ in range(VISITORS)))

    async def ask(self, request: Request) -> float:
        """Send one request; return the seconds that it took."""
        started = time.monotonic()
        self._left += 1
        visitor = Visitor(self.book, self._port, self._keeps)
        await visitor.send(request)
        visitor.leave()
        return time.monotonic() - started

    async def load_during(self, doing: Coroutine[Any, Any, Done]) -> Done:
        """Send requests as long as a coroutine runs; return its result."""
        load = asyncio.create_task(self.load(_ENDLESS))
        done = asyncio.create_task(doing)
        try:
            await asyncio.wait((load, done), return_when=asyncio.FIRST_COMPLETED)
            if load.done():
                # It ended too early: that is an error.
                load.result()
            found = await done
        finally:
            self._left = 0
            done.cancel()
            await asyncio.gather(load, done, return_exceptions=True)
        load.result()
        return found

    def _keeps(self) -> bool:
        return self._random.random() < self._hold

    async def _visit(self, following: Callable[[], Request]) -> None:
        visitor = Visitor(self.book, self._port, self._keeps)
        try:
            while self._left > 0:
                self._left -= 1
                await visitor.send(following())
                if self._rest:
                    await asyncio.sleep(self._rest)
        finally:
            visitor.leave()


class Visitor:
    """One after the other, sends requests and reads their answers.

    Args:
        book: Notes all of them.
        port: Returns the port of the next connection.
        keeps: Returns whether to use a connection again.
    """

    def __init__(
        self, book: Book, port: Callable[[], int], keeps: Callable[[], bool]
    ) -> None:
        self._book, self._port, self._keeps = book, port, keeps
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> None:
        """Send a request, again and again while it gets no answer."""
        started = time.monotonic()
        self._book.note_request(request)
        while not await self._try(request):
            waited = time.monotonic() - started
            if waited > PATIENCE:
                raise SoakError(f"{request.kind}: no answer after {waited:.0f} s")
            await asyncio.sleep(0.05)
        self._book.note_wait(request, time.monotonic() - started)

    def leave(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _try(self, request: Request) -> bool:
        try:
            reader, writer = await self._connect()
        except OSError:
            self._book.note_refusal()
            return False
        # This is cheaper than a timeout around every await.
        loop = asyncio.get_running_loop()
        watch = loop.call_later(PATIENCE, writer.transport.abort)
        try:
            writer.write(request.data)
            if request.is_left:
                return await self._hang_up(request, writer)
            self._book.note_sent(request)
            status, body = await self._read_answer(reader, request)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            self.leave()
            return self._note_end(request)
        finally:
            watch.cancel()
        self._book.note_answer(request, status, _is_right(request, status, body))
        return True

    def _note_end(self, request: Request) -> bool:
        if request.expected is None:
            self._book.note_hang_up()
            return True
        self._book.note_repetition()
        return False

    async def _hang_up(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Hang up, with or without a reset."""
        with suppress(OSError):
            await writer.drain()
            if request.abrupt:
                _reset(writer)
        self.leave()
        self._book.note_sent(request)
        return True

    async def _read_answer(
        self, reader: asyncio.StreamReader, request: Request
    ) -> tuple[int, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        status = _STATUS.match(head)
        length = _LENGTH.search(head)
        closes = _CLOSE.search(head) is not None or length is None
        if request.kind == "head":
            body = b""
        elif length is None:
            body = await reader.read(-1)
        else:
            body = await reader.readexactly(int(length[1]))
        # After a request that isn't HTTP, nobody knows where the next answer starts.
        if closes or request.expected is None or not self._keeps():
            self.leave()
        # uWSGI has an answer of its own for a request whose protocol isn't one.
        return int(status[1]) if status else 0, body

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port())
        return self._streams


def _is_right(request: Request, status: int, body: bytes) -> bool:
    if request.expected is None:
        return status < 500
    if status != request.expected:
        return False
    return status == 405 or body == _BODIES.get(request.kind, GIF)


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
