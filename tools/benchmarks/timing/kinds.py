"""Tokens of every kind: a valid one, and one for each reason to refuse it."""

import json
import random
from base64 import urlsafe_b64encode

from nacl.secret import SecretBox

from ptrack.core.tokens import TokenBox, make_key

SECRET = "a secret of 32 characters to time"[:32]
VALID = "valid"
TOO_LONG = "too long, so never decoded"
MANY = 256
"""So many different tokens of each kind take turns."""

ARGS = ("newsletter",)
KWARGS = {"recipient": "ada@example.com", "campaign": 7, "sent": 1700000000.25}


def make_tokens(count: int = MANY) -> dict[str, list[str]]:
    """Return tokens by their kind.

    All are as long as the valid ones, except those that are refused for their length:
    a stranger knows the length of his own request.
    """
    box, other = TokenBox(SECRET), TokenBox("another")
    valid = [box.encrypt(*ARGS, **KWARGS) for _ in range(count)]
    return {
        VALID: valid,
        # At its start, or a token without its end would be found in it.
        "not base64": [f".{token[1:]}" for token in valid],
        "too short for a box": [token[:52] for token in valid],
        TOO_LONG: ["A" * 9000 for _ in valid],
        "made with another secret": [
            other.encrypt(*ARGS, **KWARGS) for _ in range(count)
        ],
        "one bit of a valid one changed": [_change(token) for token in valid],
        "authentic, but no JSON": [_seal(b"x" * _find_size()) for _ in range(count)],
        "authentic JSON, but not [args, kwargs]": [
            _seal(json.dumps(KWARGS).encode().ljust(_find_size())) for _ in range(count)
        ],
    }


def _find_size() -> int:
    """Return how many bytes are in the valid ones, so that the others are as long."""
    sealed = len(TokenBox(SECRET).encrypt(*ARGS, **KWARGS)) * 3 // 4
    return sealed - SecretBox.NONCE_SIZE - SecretBox.MACBYTES


def _seal(data: bytes) -> str:
    return (
        urlsafe_b64encode(SecretBox(make_key(SECRET)).encrypt(data))
        .decode()
        .rstrip("=")
    )


def _change(token: str) -> str:
    # The lowest bit that a character stands for; anywhere, but not in the nonce.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = random.randrange(32, len(token))
    other = alphabet[alphabet.index(token[place]) ^ 1]
    return token[:place] + other + token[place + 1 :]
