"""Makes tokens, in batches: what is asked for is who made them, and their nonces."""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import ptrack

NONCE = 32
"""The characters of a token that hold its nonce: 24 bytes in base64."""


def _nonces(count: int) -> list[str]:
    encrypt = ptrack.PtrackEncoder.encrypt
    return [encrypt(number)[:NONCE] for number in range(count)]


# Before the server forks: whatever a random generator has by then, all workers inherit.
BEFORE = _nonces(1000)


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Give as many nonces as the query says, and the process and thread."""
    count = int(environ["QUERY_STRING"])
    made = BEFORE if environ["PATH_INFO"] == "/before" else _nonces(count)
    about = {"pid": os.getpid(), "thread": threading.get_ident()}
    raw = b"".join(map(base64.urlsafe_b64decode, made))
    body = json.dumps(about).encode() + b"\n" + raw
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
