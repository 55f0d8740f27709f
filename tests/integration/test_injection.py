"""Nothing of a request gets into the answer, as a real server writes it."""

import re
from collections.abc import Callable, Iterator
from socket import create_connection
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ptrack.core.answers import PIXEL_IMAGE
from ptrack.core.tokens import TokenBox
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.settings import PTRACK_SECRET
from tests.test_injection import EVIL


class Silent(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def exchange() -> Iterator[Callable[[bytes], bytes]]:
    """Send a request's bytes to a real server; return the answer without its date."""
    app = PtrackWSGIMiddleware(None, pixels=())
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def send(request: bytes) -> bytes:
            with create_connection(server.server_address, timeout=30) as connection:
                connection.sendall(request)
                with connection.makefile("rb") as answer:
                    return re.sub(rb"(?m)^Date: .*\r\n", b"", answer.read())

        yield send
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /ptrack/%0d%0aSet-Cookie:%20evil HTTP/1.1\r\n\r\n",
        b"GET /ptrack/x?%0d%0aSet-Cookie:%20evil HTTP/1.1\r\n\r\n",
        b"GET /ptrack/\x1b[2J\xff\x00/ HTTP/1.1\r\nX: \x1b[2J\r\n\r\n",
        b"GET /ptrack/x HTTP/1.1\r\nHost: a\r\n Set-Cookie: evil\r\n\r\n",
        b"GET /ptrack/x HTTP/1.1\r\nOrigin: evil\r\nCookie: evil=1\r\n\r\n",
        b"GET /ptrack/x HTTP/1.1\r\nAccept: evil/*\r\nRange: bytes=0-0\r\n\r\n",
    ],
)
def test_answer_on_the_wire_is_the_same_to_the_byte(exchange, request_: bytes):
    expected = exchange(b"GET /ptrack/x HTTP/1.1\r\n\r\n")
    assert expected.endswith(b"\r\n\r\n" + PIXEL_IMAGE.body)
    assert exchange(request_) == expected
    token = TokenBox(PTRACK_SECRET).encrypt(EVIL).encode()
    assert exchange(b"GET /ptrack/" + token + b"/ HTTP/1.1\r\n\r\n") == expected
