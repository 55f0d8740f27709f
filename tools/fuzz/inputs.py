"""Tokens of a fuzzer's bytes, and useful changes of these bytes.

A random token never gets past the authenticator. So the first byte is a mode: the
others are a token as it is, or content to seal into one.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from tests import reference

SECRETS = ("the secret of the fuzzer", "its earlier one")
NONCE = bytes(range(200, 224))


def _seal(
    content: bytes, secret: str, make_key: reference.Key = reference.make_key
) -> bytes:
    return reference.seal(content, secret, NONCE, make_key)


def _spell(data: bytes) -> bytes:
    return reference.spell(data, padded=False).encode()


MODES: dict[bytes, Callable[[bytes], bytes]] = {
    b"T": bytes,
    b"B": _spell,
    b"J": lambda rest: _spell(_seal(rest, SECRETS[0])),
    b"E": lambda rest: _spell(_seal(rest, SECRETS[1])),
    b"P": lambda rest: reference.spell(_seal(rest, SECRETS[0])).encode(),
    b"L": lambda rest: _spell(_seal(rest, SECRETS[0], reference.make_link_key)),
    b"X": lambda rest: _spell(_seal(rest, "a stranger's secret")),
}
"""The modes.

T: the text of a token. B: the bytes that become text by base64. J: content to seal.
E: the same, with the earlier secret. P: with padding, as 3.0.0 left it. L: for a link.
X: by a forger.
"""

SEALED = (b"J", b"E", b"P", b"L", b"X")


def make_token(data: bytes) -> bytes:
    """Return the token; where the first byte is no mode, all bytes are its text."""
    mode = MODES.get(data[:1])
    return data if mode is None else mode(data[1:])


# -- mutation -------------------------------------------------------------------------

Mutate = Callable[[bytes], bytes]


def mutate(data: bytes, seed: int, plain: Mutate) -> bytes:
    """Change content that is JSON as JSON, every other time.

    Args:
        data: The bytes, as for `make_token`.
        seed: The same bytes and seed give the same result.
        plain: The fuzzer's own way, for all else.
    """
    chance = random.Random(seed)
    if data[:1] in SEALED and chance.random() < 0.5:
        try:
            content = json.loads(data[1:])
        except (ValueError, RecursionError):
            return plain(data)
        text = json.dumps(_change(content, chance), separators=(",", ":"))
        return data[:1] + text.encode()
    return plain(data)


def _change(value: Any, chance: random.Random) -> Any:
    """Replace some value, at any depth, by another."""
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], _change(value[place], chance), *value[place + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(sorted(value))
        return {**value, key: _change(value[key], chance)}
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
