"""The commands ``secret`` and ``decode``, for ``python -m ptrack`` and ``manage.py``.

Both return text to print, or raise a `CommandRefusedError`. No message repeats the
input, except for some characters that aren't of a token.
"""

import argparse
import html
import json
import quopri
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from string import ascii_letters, digits
from typing import Any
from urllib.parse import unquote

from . import conf, endpoints
from .core.endpoint import Carried, Endpoint
from .core.kinds import KINDS
from .core.repair import UNDAMAGED, Damage
from .core.tokens import KEY_SIZE, MAX_TOKEN_LENGTH, MIN_TOKEN_LENGTH
from .discovery import import_pixels
from .email.html import find_urls
from .exceptions import PtrackConfigurationError, PtrackError

NOT_READ, NOT_CONFIGURED = 1, 2
"""Exit codes. argparse's own, for arguments it doesn't know, is 2 as well."""

# The input may be the whole source of a mail, so this is well above the size of mails.
_TOO_LONG = 5_000_000
# Python refuses to read decimal numbers of thousands of digits.
_LONG_NUMBER = re.compile("&#[0-9]{9,}")
# A token may stand in quotes or brackets; those behind it are cut off anyway.
_OPENING = "\"'`<([{“‘«„‹「『（【"
# The start of a token alone, whatever was glued on behind it.
_ALONE = re.compile(rf"\s*[{re.escape(_OPENING)}]*[A-Za-z0-9_-]{{{MIN_TOKEN_LENGTH}}}")
# In a whole text, a short prefix may be nearly anywhere.
_MOST_PLACES = 1000
# The most characters of a damaged end that are shown; more may be another URL.
_SHOWN = 12

Warn = Callable[[str], object]


class CommandRefusedError(PtrackError):
    """A command can't do its work; the message says why.

    Attributes:
        exit_code: `NOT_READ` or `NOT_CONFIGURED`.
    """

    def __init__(self, message: str, exit_code: int = NOT_READ) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their arguments to a parser."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    secret = commands.add_parser("secret", help="print a strong PTRACK_SECRET")
    secret.set_defaults(act=_make_secret)
    decode = commands.add_parser(
        "decode",
        help="show the content of a pixel or a link",
        description="Show the arguments of a pixel or a link, as JSON. The "
        "secret is that of Django's settings, or of the environment. Nothing is "
        "recorded.",
    )
    decode.add_argument(
        "address",
        metavar="URL",
        help="the URL, its token, or the whole <img> or <a>; - reads it from the "
        "standard input, which keeps it out of the shell's history. Before a token "
        "that starts with a dash, write --",
    )
    decode.add_argument(
        "--pixels",
        action="append",
        metavar="MODULE",
        help="a module to import first, where an encoder of your own is assigned "
        "(again for more); found as by the middleware, if not given",
    )
    decode.set_defaults(act=_decode)


def run(
    options: argparse.Namespace,
    encoding: str | None = None,
    warn: Warn = lambda _: None,
) -> str:
    """Run a command.

    Args:
        options: The arguments, as parsed with `add_arguments`.
        encoding: The encoding of the output.
        warn: Takes a sentence, of ASCII, that doesn't belong to the output.

    Returns:
        Text without control characters, but for the ends of lines.

    Raises:
        CommandRefusedError: The command can't do its work.
    """
    act: Callable[[argparse.Namespace, Warn], Any] = options.act
    try:
        result = act(options, warn)
    except PtrackConfigurationError as error:
        raise CommandRefusedError(str(error), NOT_CONFIGURED) from None
    return result if isinstance(result, str) else write_json(result, encoding)


def write_json(value: Any, encoding: str | None = None) -> str:
    """Return a value as JSON that a terminal shows as it is.

    Args:
        value: Any value; one that JSON doesn't know is shown as its ``repr``.
        encoding: The encoding of the terminal, UTF-8 by default.

    Returns:
        JSON in which every character is escaped that could command a terminal, change
        the direction of its text, or not be shown by it.

    Raises:
        CommandRefusedError: The value is nested too deep.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=repr)
    except RecursionError:
        raise CommandRefusedError(
            "The content is nested too deep to be shown"
        ) from None
    shown = encoding or "utf-8"
    return "".join(
        char if char == "\n" or _is_safe(char, shown) else json.dumps(char)[1:-1]
        for char in text
    )


# -- secret ---------------------------------------------------------------------------


def _make_secret(*_: Any) -> str:
    """Return 32 random letters and digits, a letter first, that stand for 190 bits.

    The key is the secret's bytes, and there is room for 32. Nothing else than letters
    and digits, which a shell, an .ini, systemd, JSON or YAML could read as syntax; and
    no digit first, which YAML could read as the start of a number. That is 52 * 62**31
    secrets, or 2**190.2.
    """
    others = (secrets.choice(ascii_letters + digits) for _ in range(KEY_SIZE - 1))
    return secrets.choice(ascii_letters) + "".join(others)


# -- decode ---------------------------------------------------------------------------


def _decode(options: argparse.Namespace, warn: Warn) -> dict[str, Any]:
    import_pixels(options.pixels)
    # Bad settings are reported first: with them, nothing can be read.
    endpoint = endpoints.build(conf.read())
    tokens = list(dict.fromkeys(_find_tokens(_read_input(options.address), endpoint)))
    if not tokens:
        raise CommandRefusedError(
            "There is no pixel or link of this site in it: no URL whose path is below "
            f"{endpoint.prefix}, and no token alone"
        )
    # The whole ones first: a piece of a mail's source may need no repair if decoded.
    for token in sorted(
        tokens, key=lambda each: endpoint.find_damage(each) != UNDAMAGED
    ):
        carried = endpoint.read(token)
        if carried is not None:
            _report_damage(endpoint.find_damage(token), warn)
            return _describe(carried)
    if not any(map(endpoint.find_damage, tokens)):
        raise CommandRefusedError(
            "It can't be read: nothing in it has the form of a token, which is at "
            f"least {MIN_TOKEN_LENGTH} letters, digits, - and _. A part of the URL is "
            "missing, or was replaced: copy all of it"
        )
    raise CommandRefusedError(
        "It can't be read. Either it is damaged so that nothing can mend it, because "
        "a part of its token is missing or was changed: look for another copy of the "
        "URL. Or it wasn't made with the secrets that are set here: if the secret was "
        "changed, put the earlier one into PTRACK_SECRET_FALLBACKS"
    )


def _report_damage(damage: Damage | None, warn: Warn) -> None:
    if damage is None or damage == UNDAMAGED:
        return
    parts = []
    if damage.dropped:
        parts.append(f"{_count(damage.dropped)} before its token or in it")
    if damage.cut:
        shown = write_json(damage.cut[:_SHOWN], "ascii")
        parts.append(f"{_count(len(damage.cut))} behind its token, from {shown} on")
    warn(
        f"The URL is damaged: ptrack left out {', and '.join(parts)}. A request "
        "for it is read in the same way."
    )


def _count(number: int) -> str:
    return "1 character" if number == 1 else f"{number} characters"


def _read_input(argument: str) -> str:
    try:
        text = sys.stdin.read(_TOO_LONG) if argument == "-" else argument
    except UnicodeDecodeError:
        # "from None": the codec's error carries the input.
        raise CommandRefusedError("The input is not text") from None
    text = text.strip()
    if not text:
        raise CommandRefusedError("The input is empty: pass the URL of a pixel or link")
    if len(text) >= _TOO_LONG:
        raise CommandRefusedError("The input is too long: pass the URL alone")
    return text


def _describe(carried: Carried) -> dict[str, Any]:
    target = {} if carried.target is None else {"url": carried.target}
    return {**target, "args": list(carried.args), "kwargs": dict(carried.kwargs)}


def _find_tokens(text: str, endpoint: Endpoint) -> Iterator[str]:
    """Yield each text that may hold the token, the likeliest first."""
    versions = _find_versions(text)
    for source in _find_sources(versions):
        is_url = "//" in source or source.startswith("/")
        if not is_url or _ALONE.match(source):
            # A token alone doesn't show its kind.
            alone = unquote(source).removesuffix("/").lstrip(_OPENING)
            yield from (f"{kind.segment}{alone}" for kind in KINDS)
        # An address may have lost its scheme: www.example.com/ptrack/…
        for _, token in endpoint.find_tokens(source if is_url else f"//{source}"):
            yield token
    for version in versions:
        yield from islice(_find_in_text(version, endpoint.prefix), _MOST_PLACES)


def _find_versions(text: str) -> list[str]:
    unescaped = html.unescape(_LONG_NUMBER.sub("", text))
    return [text, unescaped, _decode_quoted_printable(text)]


def _find_sources(versions: Iterable[str]) -> Iterator[str]:
    """Yield each piece of the input that may be the URL or the token."""
    for version in versions:
        is_html = "<" in version and not _ALONE.match(version)
        for source in find_urls(version) if is_html else [version]:
            # A mail's lines may be broken anywhere; no URL holds white space. But words
            # may follow it.
            yield from dict.fromkeys(("".join(source.split()), source))


def _find_in_text(text: str, prefix: str) -> Iterator[str]:
    """Yield the text behind each place where a path may begin below the prefix."""
    for found in re.finditer(re.escape(prefix), text):
        rest = text[found.end() : found.end() + MAX_TOKEN_LENGTH]
        path = re.split("[?#]", rest, maxsplit=1)[0]
        yield unquote(path)
        # Words behind a space, which no URL holds, may look like a part of the token.
        yield unquote(path.split(" ", 1)[0].removesuffix("/"))


def _decode_quoted_printable(text: str) -> str:
    """Decode the source of a mail (RFC 2045, section 6.7)."""
    return quopri.decodestring(text.encode(errors="replace")).decode(errors="replace")


def _is_safe(char: str, encoding: str) -> bool:
    # Not printable are controls, marks of direction, lone surrogates, and the like.
    if not char.isprintable():
        return False
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
