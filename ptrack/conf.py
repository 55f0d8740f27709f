"""The settings in one table, and the only code that reads Django's and the environment.

Each setting is an entry of `SETTINGS`. Reading it from Django or from the environment,
the options of the middlewares and of PasteDeploy, the system checks and the table in
README.md all come from there. A new setting is a new entry, and is used in
`ptrack.endpoints.build` or where `get` reads it.

Nothing is read at import.
"""

import functools
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict
from urllib.parse import urlsplit

from .core.callbacks import Tracker
from .core.endpoint import normalise_prefix
from .core.engines import Engine
from .core.links import check_target, find_rule_problem
from .core.logs import log
from .core.tokens import KEY_SIZE, Encoder, make_key
from .exceptions import PtrackConfigurationError

if TYPE_CHECKING:
    from .urlconf import Place, Routing

DEFAULT_PREFIX = "/ptrack/"
ROUTING = ("ROOT_URLCONF", "LANGUAGE_CODE", "LANGUAGES", "MIDDLEWARE")
"""Django's settings that the place of the pixels in the URLconf depends on."""
UNIX_SOCKET = "unix:"
"""The trusted proxy that stands for all peers without an address, as in nginx."""


# -- values as the environment, or an .ini, writes them -------------------------------


@dataclass(frozen=True)
class Unreadable:
    """The value of a setting whose text can't be read.

    Attributes:
        problem: The reason, to follow the setting's name, without the text itself.
    """

    problem: str


def parse_text(text: str) -> Any:
    """Return the text as it is."""
    return text


def parse_list(text: str) -> Any:
    """Return the parts between commas or white space, or those of a JSON list."""
    return _parse_json(text) if text.startswith("[") else split(text)


def split(text: str) -> tuple[str, ...] | None:
    """Return the parts between commas or white space."""
    return tuple(filter(None, re.split(r"[,\s]+", text))) or None


def parse_secrets(text: str) -> Any:
    """Return the secrets of a JSON list, or else the whole text as the only secret."""
    return _parse_json(text) if text.startswith("[") else (text,)


def _parse_json(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        # The error isn't raised on: it has the text, which may be a secret.
        return Unreadable('starts with "[" and isn\'t a JSON list, such as ["…", "…"]')
    if not all(isinstance(each, str) for each in found):
        return Unreadable("has something else than texts in its JSON list")
    return tuple(found)


def parse_switch(text: str) -> Any:
    """Return ``True`` for ``true``, ``False`` for ``false``, else the text as it is."""
    return {"true": True, "false": False}.get(text.lower(), text)


def parse_switch_or_list(text: str) -> Any:
    """Return a switch or a list; a switch in other words is kept for the error."""
    switch = parse_switch(text)
    is_other = text.lower() in ("yes", "no", "on", "off", "1", "0", "all", "none", "*")
    return switch if switch is not text or is_other else parse_list(text)


_LISTS = (parse_list, parse_secrets, parse_switch_or_list)


def _find_quotes(text: str) -> str | None:
    """Return the problem with quotes around a text, which some programs don't take off.

    They are part of a value for PasteDeploy, and for Docker's --env-file
    (https://github.com/docker/cli/issues/3630).
    """
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return "has quotes around it, which would be a part of it: take them off"
    return None


def _find_comment(text: str) -> str | None:
    """Return the problem with a comment behind a text.

    No program takes it off but a shell (systemd.exec, "EnvironmentFile=").
    """
    if re.search(r"(^|\s)[#;]\s|\s[#;]", text):
        return (
            "has a comment behind it, which would be a part of it: write comments on "
            "lines of their own"
        )
    return None


def _find_invisible(text: str) -> str | None:
    """Return the problem with white space around a secret, or a mark inside it."""
    if text != text.strip():
        return "has white space around it, which would be a part of it: take it off"
    if not text.isprintable():
        return "has a character in it that can't be seen: take it out"
    return None


# -- problems with values, as sentences without their full stop -----------------------


PUBLIC_SECRETS = frozenset(
    map(
        make_key,
        (
            "your secret of 32 random letters",
            "your_secret_of_32_random_letters",
            "the new secret of 32 characters.",
            "the old secret",
            "the-demo-secret-known-to-anyone!",
        ),
    )
)
"""The keys of all secrets that were ever written into the documentation."""


def find_secret_problem(secret: object) -> str | None:
    """Return the reason why a secret can't be used, without a full stop, or ``None``.

    It is the same for `PTRACK_SECRET` and for each fallback: each opens tokens.
    """
    try:
        key = make_key(secret)
    except PtrackConfigurationError as error:
        return str(error)
    if key in PUBLIC_SECRETS:
        return (
            "ptrack's documentation has shown it, so anyone can make tokens with it: "
            "take it out"
        )
    return None


def _check_secret(secret: object) -> str | None:
    problem = find_secret_problem(secret)
    return None if problem is None else f"PTRACK_SECRET can't be used: {problem}"


def _check_fallbacks(fallbacks: object) -> str | None:
    # Only the keys of a dict would be read, and the secrets may be its values.
    if isinstance(fallbacks, Mapping) or not _is_list(fallbacks):
        return (
            "PTRACK_SECRET_FALLBACKS must be a list of earlier secrets, not "
            f"{type(fallbacks).__name__}"
        )
    for number, secret in enumerate(fallbacks):  # type: ignore[arg-type,var-annotated]
        problem = find_secret_problem(secret)
        if problem is not None:
            return f"PTRACK_SECRET_FALLBACKS[{number}] can't be used: {problem}"
    return None


# The ASCII that RFC 3986, section 3.3, lets stand in a path.
_PATH = re.compile(r"[\w\-.~!$&'()*+,;=:@/]*", re.ASCII)
_PERCENT = re.compile("%[0-9A-Fa-f]{2}")
# Clients read it as a dot that isn't encoded (RFC 3986, section 6.2.2.2).
_DOT = re.compile("%2e", re.IGNORECASE)


def _find_path_problem(path: str) -> str | None:
    if " " in path or not path.isprintable():
        return "has white space, a control character or half a character in it"
    if not _PATH.fullmatch("".join(filter(str.isascii, path))):
        return "has a character in it that no path may have"
    if "//" in path:
        return "has two slashes in a row in it"
    # Clients leave these out before they send the request (RFC 3986, section 5.2.4).
    if {".", ".."} & set(path.split("/")):
        return 'has a part "." or ".." in it'
    return None


def _check_app_url(app_url: object) -> str | None:
    problem = _find_url_problem(str(app_url))
    if problem is None:
        return None
    return (
        f"PTRACK_APP_URL must be a scheme and a host, and this one {problem}: for "
        'example "https://www.example.com"'
    )


def _find_url_problem(url: str) -> str | None:
    # urlsplit drops white space in front.
    if url != url.lstrip():
        return "has white space in front of it"
    try:
        parts = urlsplit(url)
        # Reading an impossible port raises an error.
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "has an impossible host or port"
    if parts.scheme not in ("http", "https") or not host:
        return "begins with no http:// or https:// and a host"
    # urlsplit drops line breaks and tabs.
    if "?" in url or "#" in url or not url.isprintable() or not _is_host(host):
        return "has a query, a fragment, or a character that no host may have in it"
    if "@" in parts.netloc:
        return "has a user in it"
    # Any character stands for an encoded one, which a path may have.
    return _find_path_problem(_PERCENT.sub("-", _DOT.sub(".", parts.path)))


def _is_host(host: str) -> bool:
    return not re.search(r"[^\w.:-]", host) and host.strip(".") != ""


def _check_prefix(prefix: object) -> str | None:
    if not isinstance(prefix, str):
        return (
            f"PTRACK_PREFIX must be str, not {type(prefix).__name__}: for example "
            '"/ptrack/"'
        )
    if not prefix:
        return 'PTRACK_PREFIX must not be empty: "/" is the whole host'
    problem = _find_path_problem(prefix)
    return None if problem is None else f"PTRACK_PREFIX can't be used: it {problem}"


def _check_link_fallback(url: object) -> str | None:
    try:
        check_target(url)
    except (TypeError, ValueError):
        return (
            f"PTRACK_LINK_FALLBACK_URL must be an absolute URL, not {url!r}: for "
            'example "https://www.example.com/"'
        )
    return None


def _check_link_query(names: object) -> str | None:
    if isinstance(names, bool) or (
        _is_list(names) and all(isinstance(name, str) for name in names)  # type: ignore[attr-defined]
    ):
        return None
    return (
        "PTRACK_LINK_QUERY must be a list of names of parameters, or True for all, not "
        f"{names!r}"
    )


def _check_honour_gpc(honour: object) -> str | None:
    if isinstance(honour, bool):
        return None
    return f"PTRACK_HONOUR_GPC must be True or False, not {honour!r}"


def _check_trusted_proxies(proxies: object) -> str | None:
    if not _is_list(proxies):
        return (
            "PTRACK_TRUSTED_PROXIES must be a list of addresses and networks, not "
            f"{type(proxies).__name__}"
        )
    return _check_networks(tuple(map(str, proxies)))  # type: ignore[call-overload]


# Cached: each hit reads the setting, and a CDN has dozens of networks.
@functools.lru_cache(maxsize=16)
def _check_networks(proxies: tuple[str, ...]) -> str | None:
    for proxy in proxies:
        try:
            if proxy != UNIX_SOCKET:
                ip_network(proxy)
        except ValueError as error:
            return f"PTRACK_TRUSTED_PROXIES can't be used: {error}"
    return None


def _check_background(spec: object) -> str | None:
    if isinstance(spec, str | Engine):
        return None
    return (
        'PTRACK_BACKGROUND must be "celery", "tasks", the dotted path of a class '
        f"or an object with a method enqueue(job), not {type(spec).__name__}"
    )


def _check_background_queue(queue: object) -> str | None:
    if isinstance(queue, str):
        return None
    return (
        f"PTRACK_BACKGROUND_QUEUE must be the name of a queue, not "
        f"{type(queue).__name__}"
    )


def _check_stats_key(key: object) -> str | None:
    if isinstance(key, str) and key:
        return None
    return (
        f"PTRACK_STATS_KEY must be the name of a keyword, not {key!r}: for example "
        '"recipient"'
    )


def _check_stats_ip(ip: object) -> str | None:
    if isinstance(ip, bool) or ip in ("short", "full"):
        return None
    return (
        'PTRACK_STATS_IP must be "short", "full", or None for no address at all, not '
        f"{ip!r}"
    )


# The syntax of attributes in the HTML standard
# (https://html.spec.whatwg.org/multipage/syntax.html#attributes-2).
# Other quotation marks than these two are a part of the value. So a value without them
# is ASCII.
_ATTRIBUTE = (
    r"""\s+([a-z][a-z0-9:._-]*)"""
    r"""(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`/\u0080-\U0010ffff]+))?"""
)
_FIND_ATTRIBUTE = re.compile(_ATTRIBUTE, re.IGNORECASE | re.ASCII)
# XML closes an element that has no content by a slash, and HTML lets it stand. Behind a
# value without quotation marks it would be a part of that.
_ATTRIBUTES = re.compile(
    rf"""(?:{_ATTRIBUTE})*(?:\s+/?|(?<=["'])/)?""", re.IGNORECASE | re.ASCII
)


def _check_img_attributes(attributes: object) -> str | None:
    if not isinstance(attributes, str):
        return f"PTRACK_IMG_ATTRIBUTES must be str, not {type(attributes).__name__}"
    problem = _find_attributes_problem(attributes)
    return None if problem is None else f"PTRACK_IMG_ATTRIBUTES {problem}"


def _find_attributes_problem(text: str) -> str | None:
    if not text.isprintable():
        return "has a line break or a control character in it"
    if not _ATTRIBUTES.fullmatch(f" {text}"):
        return "isn't a list of HTML attributes"
    names = [found[1].lower() for found in _FIND_ATTRIBUTE.finditer(f" {text}")]
    if {"src", "srcset"} & set(names):
        return "has the address of an image in it, and ptrack gives that"
    if len(set(names)) < len(names):
        return "has an attribute twice"
    return None


def _check_placeholders(rule: object) -> str | None:
    problem = find_rule_problem(rule)
    return None if problem is None else f"PTRACK_PLACEHOLDERS {problem}"


def _is_list(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


# -- parts without which a setting has no effect --------------------------------------


@dataclass(frozen=True)
class Part:
    """A part of ptrack, or of the site, that a setting is for.

    Attributes:
        name: Its name, to follow "has no effect without".
        is_there: Returns whether a configuration has it.
        hint: The way to get it, in a sentence.
    """

    name: str
    is_there: Callable[["Configuration"], bool]
    hint: str


def _has_stats(_: "Configuration") -> bool:
    if not uses_django():
        return False
    from django.apps import apps  # Only under Django.

    return apps.is_installed("ptrack.stats")


STATS = Part(
    '"ptrack.stats" in INSTALLED_APPS',
    _has_stats,
    'Add "ptrack.stats" to INSTALLED_APPS, or leave the setting out.',
)
ENGINE = Part(
    "PTRACK_BACKGROUND",
    lambda configuration: bool(configuration.get("PTRACK_BACKGROUND")),
    'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave the setting out.',
)
IPWARE = Part(
    "python-ipware",
    lambda _: find_spec("python_ipware") is not None,
    "Run: pip install 'django-ptrack[agents]', or leave the setting out.",
)


# -- the table ------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """A setting.

    Attributes:
        name: Its name in Django's settings and in the environment.
        default: Its value where it isn't set, for the documentation (Markdown).
        meaning: Its meaning, for the documentation (Markdown).
        check: Returns the problem with a value, without a full stop, or ``None``.
        id: The id of its system check.
        hint: The way to mend a bad value, in a sentence.
        parse: Parses the text that the environment, or an .ini, has for it.
        option: Its name among the options of the middlewares; ``None`` if they don't
            take it.
        required: It has to be set.
        empty: An empty text counts as not set, in Django's settings too.
        app: The Django app that has its system check.
        lenient: Under Django, only the system check complains of a bad value: a site of
            django-ptrack 3.0.0 may have any.
        exact: Its text is a secret: a character that nobody sees in it is a problem.
        part: The part without which it has no effect.
    """

    name: str
    default: str
    meaning: str
    check: Callable[[Any], str | None]
    id: str
    hint: str
    parse: Callable[[str], Any] = parse_text
    option: str | None = None
    required: bool = False
    empty: bool = False
    app: str = "ptrack"
    lenient: bool = False
    exact: bool = False
    part: Part | None = None

    def read(self, text: str) -> Any:
        """Return the value of a text from the environment, or from an .ini.

        Args:
            text: The text. White space alone is the same as none.

        Returns:
            The value; ``None`` for no text; `Unreadable` for one that can't be meant.
        """
        bare = text.strip()
        if not bare:
            return None
        if bare.startswith("[") and self.parse in _LISTS:
            return self.parse(bare)
        # A secret may have such a mark in it.
        other = _find_invisible(text) if self.exact else _find_comment(bare)
        problem = _find_quotes(bare) or other
        return self.parse(bare) if problem is None else Unreadable(problem)

    def tolerates(self, value: object) -> bool:
        """Return whether Django may start with this value, even if it is bad."""
        return self.lenient and not isinstance(value, Unreadable)

    def find_problem(self, value: object) -> str | None:
        """Return the problem with a value, without a full stop; ``None`` if good."""
        if value is None:
            return f"{self.name} is not set" if self.required else None
        if isinstance(value, Unreadable):
            return f"{self.name} {value.problem}"
        if self.empty and value == "":
            return None
        return self.check(value)


SETTINGS = (
    Setting(
        "PTRACK_SECRET",
        "required",
        "`str` or `bytes`, 1 to 32 bytes in UTF-8. Use 32 random ones: a short secret "
        "can be guessed offline by anyone who has a URL.",
        _check_secret,
        "ptrack.E001",
        "Set it to a random text of 32 characters, such as `python -m ptrack secret` "
        "prints, and to the same one wherever pixels are made or recorded.",
        option="secret",
        required=True,
        exact=True,
    ),
    Setting(
        "PTRACK_SECRET_FALLBACKS",
        "`[]`",
        "Earlier secrets, tried in order, for reading only. Their rules are those of "
        "`PTRACK_SECRET`.",
        _check_fallbacks,
        "ptrack.E002",
        "Set it to a list of the secrets that mails were sent with before. In the "
        'environment, and in an .ini, that is a JSON list, ["…", "…"], or one secret.',
        parse=parse_secrets,
        option="secret_fallbacks",
        exact=True,
    ),
    Setting(
        "PTRACK_APP_URL",
        "`None`",
        'Scheme and host of the URLs, say `"https://www.example.com"`. Needed only to '
        "make URLs.",
        _check_app_url,
        "ptrack.E003",
        "Set it to the address under which mail clients reach the site.",
        option="app_url",
        empty=True,
        lenient=True,
    ),
    Setting(
        "PTRACK_PREFIX",
        '`"/ptrack/"`',
        "Everything below it belongs to ptrack. Where the URLconf includes "
        '`ptrack.urls` and this isn\'t set, it is that place. `"/"` is for a host of '
        "its own.",
        _check_prefix,
        "ptrack.E004",
        'Leave it out for the default, set it to a path such as "/ptrack/", or to "/" '
        "for the whole host.",
        option="prefix",
    ),
    Setting(
        "PTRACK_LINK_FALLBACK_URL",
        "`None`",
        "The page that a link leads to if it can't be read.",
        _check_link_fallback,
        "ptrack.E005",
        "Set it to a page for readers whose link is broken, or leave it out.",
        option="link_fallback_url",
        empty=True,
    ),
    Setting(
        "PTRACK_LINK_QUERY",
        "`[]`",
        "Names of query parameters that links pass on to their target; `True` for all.",
        _check_link_query,
        "ptrack.E006",
        "Leave it out to pass nothing on.",
        parse=parse_switch_or_list,
        option="link_query",
    ),
    Setting(
        "PTRACK_HONOUR_GPC",
        "`False`",
        "Answer requests whose sender objects to tracking (`Sec-GPC: 1` or `DNT: 1`), "
        "but run no callback.",
        _check_honour_gpc,
        "ptrack.E007",
        "Set it to True to record no request whose sender objects to tracking.",
        parse=parse_switch,
        option="honour_gpc",
    ),
    Setting(
        "PTRACK_BACKGROUND",
        "`None`",
        "The engine that records [in the background](docs/background.md): "
        '`"celery"`, `"tasks"` or an engine of your own.',
        _check_background,
        "ptrack.E008",
        'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave it out.',
        option="background",
    ),
    Setting(
        "PTRACK_BACKGROUND_QUEUE",
        "`None`",
        "The name of the queue there.",
        _check_background_queue,
        "ptrack.E009",
        "Set it to the name of a queue, or leave it out.",
        option="background_queue",
        part=ENGINE,
    ),
    Setting(
        "PTRACK_TRUSTED_PROXIES",
        "`[]`",
        "Addresses and networks of the proxies that "
        "[`client_ip`](docs/agents.md#the-clients-address) believes.",
        _check_trusted_proxies,
        "ptrack.E010",
        'List addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix:" for '
        "sockets of the file system; or leave it out.",
        parse=parse_list,
        part=IPWARE,
    ),
    Setting(
        "PTRACK_STATS_KEY",
        "`None`",
        "The keyword that [`ptrack.stats`](docs/stats.md#settings) counts unique "
        'readers by, say `"recipient"`.',
        _check_stats_key,
        "ptrack.E011",
        "Set it to the keyword that distinguishes readers, or leave it out.",
        app="ptrack.stats",
        part=STATS,
    ),
    Setting(
        "PTRACK_STATS_IP",
        "`None`",
        'How `ptrack.stats` keeps addresses: `"short"`, `"full"`, or not at all.',
        _check_stats_ip,
        "ptrack.E012",
        'Set it to "short" or "full", or leave it out.',
        app="ptrack.stats",
        part=STATS,
    ),
    Setting(
        "PTRACK_PLACEHOLDERS",
        "`None`",
        "A regular expression, or in Django's settings a function too, for "
        "[placeholders](#placeholders) in the links of mails.",
        _check_placeholders,
        "ptrack.E016",
        r"Set it to a regular expression, such as \[[A-Z]+\] for [NAME], or leave it "
        "out.",
        empty=True,
    ),
    Setting(
        "PTRACK_IMG_ATTRIBUTES",
        "`width=1 height=1`",
        "Attributes of a pixel's `<img>` besides `src`; an empty text is none. With "
        """`'width="1" height="1" alt=""'` screen readers pass the pixel over.""",
        _check_img_attributes,
        "ptrack.E017",
        "Set it to attributes of an <img>, separated by spaces, such as "
        """'width="1" height="1" alt=""', or leave it out.""",
        option="img_attributes",
    ),
)

_BY_NAME = {each.name: each for each in SETTINGS}
SECRETS = ("PTRACK_SECRET", "PTRACK_SECRET_FALLBACKS")
OPTIONS = {each.option: each for each in SETTINGS if each.option}
"""The settings that the middlewares take, by the names of the options."""


class Options(TypedDict, total=False):
    """The options of the middlewares.

    A setting that isn't given is read from Django's settings where they are configured,
    else from the environment.

    Attributes:
        secret: ``PTRACK_SECRET``, and so on for each of `OPTIONS`.
        encoder: A class to use instead of ``ptrack.ptrack_encoder``.
        tracker: A registry to use instead of ``ptrack.tracker``.
        pixels: Names of the modules that register callbacks, or one name. A top-level
            ``pixels``, if there is one, by default.
    """

    secret: str | bytes | None
    secret_fallbacks: Collection[str | bytes] | None
    app_url: str | None
    prefix: str | None
    link_fallback_url: str | None
    link_query: Collection[str] | bool | None
    honour_gpc: bool | None
    background: str | Engine | None
    background_queue: str | None
    img_attributes: str | None
    encoder: Encoder | None
    tracker: Tracker | None
    pixels: str | Iterable[str] | None


class Configuration:
    """Values of settings, ``None`` for each that isn't set.

    This isn't a mapping, and has no ``repr``: error trackers show the values in a
    frame, and this holds the secrets.

    Args:
        values: The values by the names of the settings.
        place: The path at which the URLconf includes ``ptrack.urls``: the prefix, if
            none is set.
        suffix: The part of a URL behind the token.
        shared: The site has pages under the prefix too, and only the URLconf can
            distinguish them from ptrack's paths.
        is_final: ``False`` while the URLconf is still being imported: reading the same
            settings again may then give other values.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        place: str | None = None,
        suffix: str = "/",
        shared: bool = False,
        is_final: bool = True,
    ) -> None:
        self._values = dict(values)
        self.place = place
        self.suffix = suffix
        self.shared = shared
        self.is_final = is_final

    def get(self, name: str) -> Any:
        """Return the value of a setting, by its name."""
        return self._values.get(name)

    def override(self, options: Mapping[str, Any]) -> "Configuration":
        """Return a configuration in which options replace some of these settings.

        Args:
            options: Values by the names of the options; ``None`` for each that isn't
                given. With a prefix, the URLconf's suffix doesn't count.
        """
        given = {
            setting.name: options[option]
            for option, setting in OPTIONS.items()
            if options.get(option) is not None
        }
        values = {**self._values, **given}
        if "PTRACK_PREFIX" in given:
            return Configuration(values)
        return Configuration(values, self.place, self.suffix, self.shared)

    def check(self, settings: Iterable[Setting]) -> None:
        """Raise an error for the first bad value.

        Args:
            settings: The settings to check.

        Raises:
            PtrackConfigurationError: The message says how to mend it.
        """
        # No variable for the value: it may be a secret, and error trackers show frames.
        for setting in settings:
            problem = setting.find_problem(self.get(setting.name))
            if problem is not None:
                raise PtrackConfigurationError(f"{problem}. {setting.hint}")

    def __eq__(self, other: object) -> bool:
        """Return whether another configuration has the same values."""
        return isinstance(other, Configuration) and self._key == other._key

    def __hash__(self) -> int:
        """Return a hash of the values, for `get_environment_endpoint`."""
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return (tuple(self._values.items()), self.place, self.suffix, self.shared)


def parse_setting(name: str, text: str) -> Any:
    """Return the value of a text from the environment: see `Setting.read`.

    A settings file of Django uses it for its own variables. A text that can't be read
    becomes a value of which ptrack's checks, and the start of the site, complain.

    Args:
        name: The setting's name.
        text: The text.
    """
    return _BY_NAME[name].read(text)


def find_problem(name: str, value: object) -> str | None:
    """Return the problem with a setting's value, as `Setting.find_problem` does."""
    return _BY_NAME[name].find_problem(value)


# -- reading --------------------------------------------------------------------------


def uses_django() -> bool:
    """Return whether Django's settings are configured, without importing Django."""
    conf = sys.modules.get("django.conf")
    if conf is not None and conf.settings.configured:
        return True
    return bool(os.environ.get("DJANGO_SETTINGS_MODULE"))


def read() -> Configuration:
    """Read Django's settings where they are configured, else the environment."""
    return read_django() if uses_django() else read_environment()


def read_environment(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read the environment; an empty variable counts as not set."""
    found = environ.get
    return Configuration(
        {each.name: each.read(found(each.name, "")) for each in SETTINGS}
    )


def read_django() -> Configuration:
    """Read Django's settings, and the URLconf where no prefix is set."""
    values = {each.name: get_django(each.name) for each in SETTINGS}
    if values["PTRACK_PREFIX"] is not None:
        return Configuration(values)
    place, is_final = find_include()
    if place is None:
        return Configuration(values, is_final=is_final)
    # At the site's root, all its pages are under the prefix. With another suffix than
    # a slash, only the site's URLconf can take a path apart.
    shared = place.prefix == "/" or place.suffix not in ("", "/")
    return Configuration(values, place.prefix, place.suffix, shared, is_final)


def get(name: str) -> Any:
    """Return the value of one setting in force.

    Args:
        name: The setting's name.

    Raises:
        PtrackConfigurationError: The value is bad. Under Django,
            ``ImproperlyConfigured``.
    """
    setting = _BY_NAME[name]
    if not uses_django():
        found = Configuration({name: setting.read(os.environ.get(name, ""))})
        found.check([setting])
        return found.get(name)
    found = Configuration({name: get_django(name)})
    try:
        found.check([setting])
    except PtrackConfigurationError as error:
        raise to_improperly_configured(error) from None
    return found.get(name)


def get_django(name: str) -> Any:
    """Return one of Django's settings, of any name; ``None`` if it isn't set."""
    from django.conf import settings  # Only under Django.

    return getattr(settings, name, None)


def get_settings_module() -> str | None:
    """Return the name of the module of Django's settings."""
    return os.environ.get("DJANGO_SETTINGS_MODULE")


def to_improperly_configured(error: PtrackConfigurationError) -> Exception:
    """Return Django's own error for bad settings, with the same message."""
    from django.core.exceptions import ImproperlyConfigured  # Only under Django.

    return ImproperlyConfigured(str(error))


def find_include() -> "tuple[Place | None, bool]":
    """Find the place where the site's URLconf includes ``ptrack.urls``.

    Returns:
        The place, or ``None`` if ``reverse("ptrack")`` finds none or the URLconf can't
        be imported; and whether that is final: it isn't while the URLconf is still
        being imported.
    """
    from .urlconf import find_place  # Only under Django.

    urlconf = get_django("ROOT_URLCONF")
    if urlconf is None:
        return None, True
    try:
        return find_place(get_routing()), True
    except Exception:
        half_imported = isinstance(urlconf, str) and urlconf in sys.modules
        if not half_imported:
            # Django reports its own second try, which may fail differently.
            log(
                logging.WARNING,
                "The URLconf %s can't be imported; pixels are expected under %s",
                urlconf,
                DEFAULT_PREFIX,
                exc_info=True,
            )
        return None, not half_imported


def get_routing() -> "Routing":
    """Return the settings that decide how Django routes a request."""
    from .urlconf import Routing  # Only under Django.

    return Routing(
        get_django("ROOT_URLCONF"),
        get_django("LANGUAGE_CODE"),
        tuple(code for code, _ in get_django("LANGUAGES")),
        tuple(get_django("MIDDLEWARE")),
    )


def choose_prefix(configuration: Configuration) -> str:
    """Return the prefix, with one slash before and after."""
    prefix = configuration.get("PTRACK_PREFIX")
    if prefix is None:
        prefix = configuration.place
    return DEFAULT_PREFIX if prefix is None else normalise_prefix(prefix)


# -- what a check, or the log at start-up, warns of -----------------------------------


class ShortSecret(NamedTuple):
    """A key that can be guessed.

    Attributes:
        name: Its setting, with its number among the fallbacks.
        length: Its length in bytes.
    """

    name: str
    length: int


def find_short_secrets(configuration: Configuration) -> list[ShortSecret]:
    """Return the secrets that are shorter than a key; the values have to be good."""
    secrets = {"PTRACK_SECRET": configuration.get("PTRACK_SECRET") or " " * KEY_SIZE}
    for number, fallback in enumerate(configuration.get(SECRETS[1]) or ()):
        secrets[f"PTRACK_SECRET_FALLBACKS[{number}]"] = fallback
    lengths = {
        name: len(secret.encode() if isinstance(secret, str) else secret)
        for name, secret in secrets.items()
    }
    return [
        ShortSecret(name, length)
        for name, length in lengths.items()
        if length < KEY_SIZE
    ]


def find_idle_settings(configuration: Configuration) -> list[tuple[str, Part]]:
    """Return the names of settings that are set, with the part that they lack."""
    return [
        (each.name, each.part)
        for each in SETTINGS
        if each.part is not None
        and configuration.get(each.name)
        and not each.part.is_there(configuration)
    ]


# Kubernetes sets these for a service named "ptrack" or "ptrack-…":
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_\w+)?$")


def find_unknown_settings(names: Iterable[str]) -> dict[str, str | None]:
    """Return the names that look like a setting of ptrack and are none.

    Args:
        names: All names in Django's settings, or in the environment.

    Returns:
        For each such name the setting that was probably meant, or ``None``.
    """
    found: dict[str, str | None] = {}
    for name in sorted(set(names) - _BY_NAME.keys()):
        start, _, rest = name.upper().partition("_")
        if start == "PTRACK":
            # "PTRACK_" would make all of them alike.
            ends = {each.partition("_")[2]: each for each in _BY_NAME}
            found[name] = next(map(ends.get, get_close_matches(rest, ends, 1)), None)
        elif start.startswith("P"):
            # Not "TRACK_SECRET", which may well be another program's.
            for meant in get_close_matches(name.upper(), _BY_NAME, 1, 0.9):
                found[name] = meant
    return found


def find_unknown_variables(
    environ: Iterable[str] = os.environ,
) -> dict[str, str | None]:
    """Return the variables that look like a setting: see `find_unknown_settings`."""
    return find_unknown_settings(
        name for name in environ if not _OF_KUBERNETES.search(name)
    )


def find_unknown_in_django() -> dict[str, str | None]:
    """Return Django's settings that look like one: see `find_unknown_settings`."""
    from django.conf import settings  # Only under Django.

    return find_unknown_settings(dir(settings))


def find_meant_option(name: str, options: Iterable[str]) -> str | None:
    """Return the option that was probably meant by an unknown one, or ``None``."""
    bare = name.lower().removeprefix("ptrack_")
    return next(iter(get_close_matches(bare, list(options), 1)), None)
