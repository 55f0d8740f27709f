"""The settings in one table, and the only code that reads Django's and the environment.

Each setting is an entry of `SETTINGS`. Reading it from Django or from the environment,
the options of the middlewares and of PasteDeploy, the system checks and the table in
README.md all come from there. A new setting is a new entry, and is used in
`ptrack.endpoints.build` or where `get` reads it.

Nothing is read at import.
"""

import functools
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

from .core.callbacks import Tracker
from .core.endpoint import normalise_prefix
from .core.engines import Engine
from .core.links import check_target
from .core.logs import log
from .core.tokens import Encoder, make_key
from .exceptions import PtrackConfigurationError

if TYPE_CHECKING:
    from .urlconf import Place

DEFAULT_PREFIX = "/ptrack/"
UNIX_SOCKET = "unix:"
"""The trusted proxy that stands for all peers without an address, as in nginx."""


# -- values as the environment, or an .ini, writes them -------------------------------


def parse_text(text: str) -> str | None:
    """Return the text; ``None`` if it is empty."""
    return text or None


def parse_list(text: str) -> tuple[str, ...] | None:
    """Return the parts between commas, without the white space around each."""
    return tuple(filter(None, map(str.strip, text.split(",")))) or None


def parse_switch(text: str) -> Any:
    """Return ``True`` for ``true``, ``False`` for ``false``, else the text as it is."""
    return {"": None, "true": True, "false": False}.get(text.strip().lower(), text)


def parse_switch_or_list(text: str) -> Any:
    """Return a switch, or else a list."""
    switch = parse_switch(text)
    return parse_list(text) if switch is text else switch


# -- problems with values, as sentences without their full stop -----------------------


def _check_secret(secret: object) -> str | None:
    try:
        make_key(secret)
    except PtrackConfigurationError as error:
        return f"PTRACK_SECRET can't be used: {error}"
    return None


def _check_fallbacks(fallbacks: object) -> str | None:
    # Only the keys of a dict would be read, and the secrets may be its values.
    if isinstance(fallbacks, Mapping) or not _is_list(fallbacks):
        return (
            "PTRACK_SECRET_FALLBACKS must be a list of earlier secrets, not "
            f"{type(fallbacks).__name__}"
        )
    for number, secret in enumerate(fallbacks):  # type: ignore[arg-type,var-annotated]
        try:
            make_key(secret)
        except PtrackConfigurationError as error:
            return f"PTRACK_SECRET_FALLBACKS[{number}] can't be used: {error}"
    return None


def _check_app_url(app_url: object) -> str | None:
    try:
        parts = urlsplit(str(app_url))
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if usable and not parts.query and not parts.fragment:
        return None
    return (
        f"PTRACK_APP_URL must be a scheme and a host, not {app_url!r}: for example "
        '"https://www.example.com"'
    )


def _check_prefix(prefix: object) -> str | None:
    if isinstance(prefix, str):
        return None
    return (
        f"PTRACK_PREFIX must be str, not {type(prefix).__name__}: for example "
        '"/ptrack/"'
    )


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


def _is_list(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


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

    def find_problem(self, value: object) -> str | None:
        """Return the problem with a value, without a full stop; ``None`` if good."""
        if value is None:
            return f"{self.name} is not set" if self.required else None
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
    ),
    Setting(
        "PTRACK_SECRET_FALLBACKS",
        "`[]`",
        "Earlier secrets, tried in order, for reading only.",
        _check_fallbacks,
        "ptrack.E002",
        "Set it to a list of the secrets that mails were sent with before.",
        parse=parse_list,
        option="secret_fallbacks",
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
        "Leave it out for the default, or set it to a path.",
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
    ),
    Setting(
        "PTRACK_STATS_IP",
        "`None`",
        'How `ptrack.stats` keeps addresses: `"short"`, `"full"`, or not at all.',
        _check_stats_ip,
        "ptrack.E012",
        'Set it to "short" or "full", or leave it out.',
        app="ptrack.stats",
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
    encoder: Encoder | None
    tracker: Tracker | None
    pixels: str | Iterable[str] | None


class Configuration:
    """Values of settings, ``None`` for each that isn't set.

    This isn't a mapping, and has no ``repr``: error trackers show the values in a
    frame, and this holds the secrets.

    Args:
        values: The values by the names of the settings.
        suffix: The part of a URL behind the token.
        shared: The site has pages under the prefix too, and only the URLconf can
            distinguish them from ptrack's paths.
        is_final: ``False`` while the URLconf is still being imported: reading the same
            settings again may then give other values.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        suffix: str = "/",
        shared: bool = False,
        is_final: bool = True,
    ) -> None:
        self._values = dict(values)
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
        return Configuration(values, self.suffix, self.shared)

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
        return (tuple(self._values.items()), self.suffix, self.shared)


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
        {each.name: each.parse(found(each.name, "")) for each in SETTINGS}
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
    values["PTRACK_PREFIX"] = place.prefix
    return Configuration(values, place.suffix, shared, is_final)


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
        found = Configuration({name: setting.parse(os.environ.get(name, ""))})
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
        return find_place(urlconf, get_django("LANGUAGE_CODE")), True
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


def choose_prefix(configuration: Configuration) -> str:
    """Return the prefix, with one slash before and after."""
    prefix = configuration.get("PTRACK_PREFIX")
    return DEFAULT_PREFIX if prefix is None else normalise_prefix(prefix)
