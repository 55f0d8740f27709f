"""Guesses at a short secret, offline, with a pixel's URL at hand."""

import itertools
from base64 import urlsafe_b64decode
from contextlib import suppress
from time import perf_counter

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ptrack.core.tokens import TokenBox, make_key

SECRETS: dict[str, tuple[float, int]] = {
    "8 lower-case letters": (26, 8),
    "8 characters of base64": (64, 8),
    "16 hexadecimal digits": (16, 16),
    "32 hexadecimal digits": (16, 32),
    # The first is one of 52 letters, so this is the mean of all characters.
    "32 letters and digits: `python -m ptrack secret`": ((52 * 62**31) ** (1 / 32), 32),
}
"""How many there are of each character, and how many characters."""

LARGE = 1e12
"""Guesses a second with very much money: an assumption."""


def count_guesses(seconds: float) -> float:
    """Return how many guesses a second one core makes: a key and a decryption each."""
    token = TokenBox("not to be guessed").encrypt("newsletter", recipient="a@b.example")
    sealed = urlsafe_b64decode(token)
    start = perf_counter()
    for number in itertools.count(1):
        with suppress(CryptoError):
            SecretBox(make_key(str(number))).decrypt(sealed)
        if number % 100 == 0 and (taken := perf_counter() - start) >= seconds:
            return number / taken
    raise AssertionError


def compute_years(symbols: float, length: int, rate: float) -> float:
    """Return how many years half of all secrets of a kind take."""
    return float(symbols**length) / 2 / rate / (365.25 * 24 * 3600)
