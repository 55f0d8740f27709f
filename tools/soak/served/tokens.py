"""Makes tokens in batches; returns their nonces, and their process and thread."""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import ptrack

NONCE = 32
"""The characters of a token that hold its nonce: 24 bytes in base64."""


def _make_nonces(count: int) -> list[str]:
    encrypt = ptrack.PtrackEncoder.encrypt
    return [encrypt(number)[:NONCE] for number in range(count)]


# Before the server forks: all workers inherit the state of a random generator.
BEFORE = _make_nonces(1000)


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer with as many nonces as the query says, and the process and thread."""
    count = int(environ["QUERY_STRING"])
    made = BEFORE if environ["PATH_INFO"] == "/before" else _make_nonces(count)
    about = {"pid": os.getpid(), "thread": threading.get_ident()}
    raw = b"".join(map(base64.urlsafe_b64decode, made))
    body = json.dumps(about).encode() + b"\n" + raw
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
