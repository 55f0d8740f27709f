"""The floor: the work that no hit can do without, and callables that do no more."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from json import dumps, loads
from typing import Any

from nacl.secret import SecretBox
from recording import record
from sample import ARGS, KWARGS, PREFIX, SECRET

BOX = SecretBox(SECRET.encode())
START = len(PREFIX)
# These are equal to ptrack's; `ours` makes sure of it.
GIF = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f904010000000"
    "02c00000000010001000002024401003b"
)
HEADERS = [
    ("Content-Type", "image/gif"),
    ("Content-Length", "43"),
    ("Cache-Control", "no-cache, no-store, must-revalidate, max-age=0, private"),
    ("Pragma", "no-cache"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("X-Content-Type-Options", "nosniff"),
]

ASGI_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS]


def decrypt(token: str) -> Any:
    """Open a token: base64, SecretBox, JSON."""
    return loads(BOX.decrypt(urlsafe_b64decode(token)))


def encrypt(*args: Any, **kwargs: Any) -> str:
    """Seal a token: JSON, SecretBox, base64."""
    return urlsafe_b64encode(BOX.encrypt(dumps((args, kwargs)).encode())).decode()


def encrypt_sample() -> str:
    """Seal the data of the benchmark."""
    return encrypt(*ARGS, **KWARGS)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a hit, and nothing else."""
    args, kwargs = decrypt(environ["PATH_INFO"][START:-1])
    record((args, kwargs))
    # A fresh list, as PEP 3333 has it: servers may change it.
    start_response("200 OK", HEADERS.copy())
    return [GIF]


async def asgi_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a hit, and nothing else, as ASGI has it."""
    args, kwargs = decrypt(scope["path"][START:-1])
    record((args, kwargs))
    # A fresh list here, too: middlewares add to it.
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": ASGI_HEADERS.copy(),
        }
    )
    await send({"type": "http.response.body", "body": GIF})
