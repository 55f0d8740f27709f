"""The commands ``secret`` and ``decode``, for ``python -m ptrack`` and ``manage.py``.

Both give text to print, or raise a `CommandRefusedError` that says what is wrong. What
was given to them is never repeated in a message.
"""

import argparse
import html
import json
import quopri
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

from . import conf
from .conf import Configuration
from .core.endpoint import Endpoint
from .core.links import SEGMENT, Click
from .discovery import import_pixels
from .exceptions import PtrackConfigurationError, PtrackError

NOT_READ, NOT_CONFIGURED = 1, 2
"""Exit codes. argparse's own, for arguments it doesn't know, is 2 as well."""

# The source of a mail may be given whole, so this is well above what mails have.
_TOO_LONG = 5_000_000


class CommandRefusedError(PtrackError):
    """A command can't do what it was asked; the message says why.

    Attributes:
        exit_code: `NOT_READ` or `NOT_CONFIGURED`.
    """

    def __init__(self, message: str, exit_code: int = NOT_READ) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell a parser the commands and their arguments."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    secret = commands.add_parser("secret", help="print a strong PTRACK_SECRET")
    secret.set_defaults(act=_secret)
    decode = commands.add_parser(
        "decode",
        help="show what a pixel or a link carries",
        description="Show what a pixel or a link was made with, as JSON. The "
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


def run(options: argparse.Namespace, encoding: str | None = None) -> str:
    """Do what was asked.

    Args:
        options: As parsed with `add_arguments`.
        encoding: Of what the text is to be printed to.

    Returns:
        Text without control characters, but for the ends of lines.

    Raises:
        CommandRefusedError: It can't be done.
    """
    act: Callable[[argparse.Namespace], Any] = options.act
    try:
        found = act(options)
    except PtrackConfigurationError as error:
        raise CommandRefusedError(str(error), NOT_CONFIGURED) from None
    return found if isinstance(found, str) else legible(found, encoding)


def legible(value: Any, encoding: str | None = None) -> str:
    """Give a value as JSON that a terminal shows as it is.

    Args:
        value: What JSON knows; anything else is shown as its ``repr``.
        encoding: Of the terminal, UTF-8 by default.

    Returns:
        JSON in which all that could command a terminal, change the direction of its
        text, or not be shown by it, is escaped.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=repr)
    except RecursionError:
        raise CommandRefusedError(
            "What it carries is nested too deep to be shown"
        ) from None
    shown = encoding or "utf-8"
    return "".join(
        char if char == "\n" or _is_safe(char, shown) else json.dumps(char)[1:-1]
        for char in text
    )


# -- secret ---------------------------------------------------------------------------


def _secret(_: argparse.Namespace) -> str:
    """Give 32 characters that anyone would have to guess 192 bits of.

    The key is the secret's bytes, and there is room for 32. Text that fits everywhere
    (a settings file, a variable, an .ini) has to be ASCII, and URL-safe base64, with 6
    bits in each character, makes the most of it: 24 random bytes are 32 characters
    without padding. The same room in hexadecimal would hold 128 bits.
    """
    return secrets.token_urlsafe(24)


# -- decode ---------------------------------------------------------------------------


def _decode(options: argparse.Namespace) -> dict[str, Any]:
    import_pixels(options.pixels)
    configuration = conf.in_force()
    # Bad settings are told first: with them, nothing can be read.
    endpoint = conf.build(configuration)
    given = _given(options.address)
    tokens = list(dict.fromkeys(_tokens(given, endpoint, configuration)))
    if not tokens:
        raise CommandRefusedError(
            "There is no pixel or link of this site in it: no URL whose path is below "
            f"{endpoint.prefix}, and no token alone"
        )
    return _shown(_read(tokens, endpoint))


def _given(argument: str) -> str:
    try:
        text = sys.stdin.read(_TOO_LONG) if argument == "-" else argument
    except UnicodeDecodeError:
        # "from None": the codec's error carries what was read.
        raise CommandRefusedError("What was given is not text") from None
    text = text.strip()
    if not text:
        raise CommandRefusedError("Nothing was given: give the URL of a pixel or link")
    if len(text) >= _TOO_LONG:
        raise CommandRefusedError("That is too long: give the URL alone")
    return text


def _read(tokens: Iterable[str], endpoint: Endpoint) -> Any:
    """Read the first that is authentic, with the encoder in force."""
    for token in tokens:
        if (found := endpoint.read(token)) is not None:
            return found
    raise CommandRefusedError(
        "It can't be read: it wasn't made with the secrets that are set here, or it "
        "is damaged. If the secret was changed, put the earlier one into "
        "PTRACK_SECRET_FALLBACKS"
    )


def _shown(found: Any) -> dict[str, Any]:
    if isinstance(found, Click):
        return found._asdict()
    args, kwargs = found
    return {"args": list(args), "kwargs": dict(kwargs)}


def _tokens(
    text: str, endpoint: Endpoint, configuration: Configuration
) -> Iterator[str]:
    """Give what may be the token, the likeliest first."""
    for source in _sources(text):
        is_url = "//" in source or source.startswith("/")
        if not is_url:
            # Alone, it may be a pixel's or a link's.
            alone = unquote(source).removesuffix("/")
            yield from (alone, f"{SEGMENT}{alone}")
        # An address may have lost its scheme: www.example.com/ptrack/…
        for path in _paths(source if is_url else f"//{source}"):
            if (token := _token_in(path, endpoint, configuration)) is not None:
                yield token


def _sources(text: str) -> Iterator[str]:
    """Give what may be the URL, or the token, in what was copied from somewhere."""
    for version in (text, html.unescape(text), _from_quoted_printable(text)):
        for source in _addresses(version) if "<" in version else [version]:
            # A mail's lines may be broken anywhere; no URL holds white space.
            yield "".join(source.split())


def _from_quoted_printable(text: str) -> str:
    """Undo how the source of a mail has it: RFC 2045, section 6.7."""
    return quopri.decodestring(text.encode(errors="replace")).decode(errors="replace")


def _paths(url: str) -> Iterator[str]:
    """Give a URL's path, then what is left of it below each place to be mounted at."""
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        return
    start = path.find("/")
    while start >= 0:
        yield path[start:]
        start = path.find("/", start + 1)


def _token_in(
    path: str, endpoint: Endpoint, configuration: Configuration
) -> str | None:
    if not endpoint.shared:
        return endpoint.match(path)
    # Here the URLconf decides; a token would have to stand where it has its own.
    suffix = "/" if configuration.suffix is None else configuration.suffix
    if path.startswith(endpoint.prefix) and path.endswith(suffix):
        return path[len(endpoint.prefix) : len(path) - len(suffix)]
    return None


class _Addresses(HTMLParser):
    """Finds the addresses of images and links, their HTML escapes undone."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address, if it is one of those."""
        wanted = {"img": "src", "a": "href"}.get(tag)
        self.found += [value for name, value in attrs if name == wanted and value]


def _addresses(text: str) -> list[str]:
    parser = _Addresses()
    parser.feed(text)
    parser.close()
    return parser.found


def _is_safe(char: str, encoding: str) -> bool:
    # Not printable are controls, marks of direction, lone surrogates, and the like.
    if not char.isprintable():
        return False
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
