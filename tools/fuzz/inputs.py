"""What a fuzzer's bytes stand for: a token, and how to change one in a telling way.

A random token never gets past the authenticator. So the first byte says what the others
are: a token as it is, or what is to be sealed into one.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests import reference

SECRETS = ("the secret of the fuzzer", "its earlier one")
NONCE = bytes(range(200, 224))


def _sealed(
    content: bytes, secret: str, key_of: reference.Key = reference.key_of
) -> bytes:
    return reference.sealed(content, secret, NONCE, key_of)


def _spelled(data: bytes) -> bytes:
    return reference.spelled(data, padded=False).encode()


MODES: dict[bytes, Callable[[bytes], bytes]] = {
    b"T": bytes,
    b"B": _spelled,
    b"J": lambda rest: _spelled(_sealed(rest, SECRETS[0])),
    b"E": lambda rest: _spelled(_sealed(rest, SECRETS[1])),
    b"P": lambda rest: reference.spelled(_sealed(rest, SECRETS[0])).encode(),
    b"L": lambda rest: _spelled(_sealed(rest, SECRETS[0], reference.link_key_of)),
    b"X": lambda rest: _spelled(_sealed(rest, "a stranger's secret")),
}
"""What is behind each first byte.

T: the text of a token. B: the bytes that base64 makes text of. J: what is to be sealed.
E: the same, with the earlier secret. P: with padding, as 3.0.0 left it. L: as a link's.
X: by a forger.
"""

SEALED = (b"J", b"E", b"P", b"L", b"X")


def token_of(data: bytes) -> bytes:
    """Give the token; with a first byte that stands for nothing, all is its text."""
    mode = MODES.get(data[:1])
    return data if mode is None else mode(data[1:])


# -- mutation -------------------------------------------------------------------------

Mutate = Callable[[bytes], bytes]


def mutated(data: bytes, seed: int, plain: Mutate) -> bytes:
    """Change the JSON that is to be sealed as JSON, every other time.

    Args:
        data: As `token_of` takes it.
        seed: Makes the same of the same.
        plain: The fuzzer's own way, for all else.
    """
    chance = random.Random(seed)
    if data[:1] in SEALED and chance.random() < 0.5:
        try:
            content = json.loads(data[1:])
        except (ValueError, RecursionError):
            return plain(data)
        text = json.dumps(_changed(content, chance), separators=(",", ":"))
        return data[:1] + text.encode()
    return plain(data)


def _changed(value: Any, chance: random.Random) -> Any:
    """Go down to some value, and put another in its place."""
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], _changed(value[place], chance), *value[place + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(sorted(value))
        return {**value, key: _changed(value[key], chance)}
    return chance.choice([*_LEAVES, [value], [value, value], {"k": value}])


_LEAVES = (
    [],
    {},
    [[], {}, []],
    {"": 1, "self": 2, "request": 3},
    None,
    True,
    10**40,
    -0.0,
    float("inf"),
    "\ud800",
    "x" * 1000,
)
