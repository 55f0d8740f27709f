"""Both ways through ptrack: arguments to a URL, and a request for it to an answer."""

import html
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ptrack.exceptions import PtrackConfigurationError, PtrackTokenError

from . import kinds, repair
from .answers import Answer, drop_body, redirect_to
from .callbacks import Tracker, Within
from .counters import Reason
from .engines import LazyEngine
from .hits import Hit, objects
from .kinds import PIXEL, Kind
from .links import add_query, check_target, has_long_host
from .logs import is_way_out, log
from .repair import Damage
from .tokens import ENVELOPE, MAX_TOKEN_LENGTH, Arguments, Encoder, TokenBox

LONG_URL = 2000
"""The most characters of a URL that is made without a warning.

Mail clients and proxies cut or refuse longer ones. The lowest limit that is still
around is Internet Explorer's, of 2,083.
"""

MAX_ARGUMENTS = 8000
"""The most positional arguments, and keywords, that a custom encoder may return.

No token of the default encoder holds as many; an iterator may never end.
"""

IMG_ATTRIBUTES = "width=1 height=1"
"""The attributes of a pixel's ``<img>`` where none are set, as django-ptrack 3.0.0."""

ACCESSIBLE_ATTRIBUTES = 'width="1" height="1" alt=""'
"""Attributes with which screen readers pass a pixel over, and that XML allows.

Without ``alt`` they may read the URL aloud
(https://www.w3.org/WAI/tutorials/images/decorative/).
"""

# These characters may stand unescaped in the path of a URL: RFC 3986, section 3.3.
_PATH_SAFE = "/~:@!$&'()*+,;="


def normalise_prefix(prefix: object) -> str:
    """Return the prefix with one slash before and after.

    Args:
        prefix: ``"ptrack"``, ``"/a/b/"``; ``""`` or ``"/"`` is the whole host.

    Raises:
        PtrackConfigurationError: It isn't text.
    """
    if not isinstance(prefix, str):
        raise PtrackConfigurationError(
            f"a prefix must be str, not {type(prefix).__name__}"
        )
    inner = prefix.strip("/")
    return f"/{inner}/" if inner else "/"


class Carried(NamedTuple):
    """The content of a token.

    Attributes:
        kind: The kind of its URL.
        args: The positional arguments for the callbacks.
        kwargs: The keyword arguments for the callbacks.
        target: A link's target; ``None`` for a pixel.
    """

    kind: Kind
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    target: str | None


class Endpoint:
    """Makes the URLs, and decides about the requests for them.

    Args:
        box: Seals and opens the tokens of pixels; the keys of the other kinds are
            derived from its own. ``None`` where there is no secret, which is enough
            only with a custom encoder and without links.
        encoder: Returns, at each use, the encoder that is used instead of the box;
            ``None`` for the box itself.
        tracker: The registry whose callbacks a hit runs.
        prefix: The path of the URLs, as `normalise_prefix` takes it.
        app_url: Scheme and host, and a path where the app is mounted at one. Empty
            where hits are only recorded.
        suffix: The end of a URL, after the token.
        shared: The site has pages under the prefix too, and only its own routing can
            distinguish them from ptrack's paths.
        link_fallback_url: The page that a link leads to if it can't be read; by default
            the answer is a 404.
        link_query: The names of the parameters that are passed on to a link's target
            from the query that it was requested with; ``True`` for all of them.
        honour_gpc: Record no hit whose sender objects to tracking: see
            `ptrack.privacy.objects`.
        img_attributes: The attributes of a pixel's ``<img>`` besides ``src``.
        engine: Takes the callbacks that run in the background.
    """

    def __init__(
        self,
        box: TokenBox | None,
        *,
        encoder: Callable[[], Encoder | None],
        tracker: Tracker,
        prefix: str,
        app_url: str = "",
        suffix: str = "/",
        shared: bool = False,
        link_fallback_url: str | None = None,
        link_query: Collection[str] | bool = (),
        honour_gpc: bool = False,
        img_attributes: str = IMG_ATTRIBUTES,
        engine: LazyEngine | None = None,
    ) -> None:
        self.prefix = normalise_prefix(prefix)
        self.tracker = tracker
        self.engine = engine
        self.shared = shared
        self.suffix = suffix
        self.img_attributes = img_attributes
        # The longest segment first: one may be the start of another.
        self._segmented = sorted(
            (kind for kind in kinds.KINDS if kind.segment),
            key=lambda kind: len(kind.segment),
            reverse=True,
        )
        self._fronts = repair.Fronts(self._segmented)
        self._longest = len(self._segmented[0].segment) + MAX_TOKEN_LENGTH
        self._token_in = _slice_token(self.prefix, self._longest)
        self._wsgi_prefix = self.prefix.encode().decode("latin-1")
        self._token_in_wsgi = _slice_token(self._wsgi_prefix, self._longest)
        self._boxes = {} if box is None else {k: _derive(box, k) for k in kinds.KINDS}
        self._encoder = encoder
        self._app_url = app_url.rstrip("/")
        self._quoted_suffix = quote(suffix, safe=_PATH_SAFE)
        self._quoted_prefix = quote(self.prefix, safe=_PATH_SAFE)
        self._base = self._app_url + self._quoted_prefix
        self._link_query = link_query
        self._honour_gpc = honour_gpc
        self._unreadable = {
            kind: _find_unreadable(kind, link_fallback_url) for kind in kinds.KINDS
        }

    def start(self) -> None:
        """Raise now the error that the first hit would cause.

        Raises:
            PtrackConfigurationError: The background engine isn't installed or set up.
        """
        if self.engine is not None:
            self.engine.load()

    # -- rendering --------------------------------------------------------------------

    def url(
        self,
        kind: Kind,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        target: str | None = None,
        mount: str = "/",
    ) -> str:
        """Return the URL of a pixel or a link.

        Args:
            kind: The kind of the URL.
            args: The positional arguments for the callbacks.
            kwargs: The keyword arguments for the callbacks.
            target: A link's target: see `ptrack.core.links.check_target`.
            mount: The path that the app is mounted at, unquoted.

        Raises:
            PtrackConfigurationError: There is no app URL, or no secret.
            TypeError, ValueError: The target or an argument can't be carried.
        """
        url = self._make_url(kind, args, kwargs, target, mount)
        if len(url) > LONG_URL:
            log(
                logging.WARNING,
                "A URL has %d characters; some mail clients and proxies refuse more "
                "than %d: put less into it",
                len(url),
                LONG_URL,
            )
        return url

    def short_url(
        self,
        kind: Kind,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        target: str | None = None,
        mount: str = "/",
    ) -> str | None:
        """Return the same as `url`, but nothing if it exceeds `LONG_URL`; log nothing.

        Args:
            kind: As for `url`, and so are the others.
            args: The positional arguments for the callbacks.
            kwargs: The keyword arguments for the callbacks.
            target: A link's target.
            mount: The path that the app is mounted at, unquoted.

        Raises:
            PtrackConfigurationError, TypeError, ValueError: As for `url`.
        """
        url = self._make_url(kind, args, kwargs, target, mount)
        return url if len(url) <= LONG_URL else None

    def _make_url(
        self,
        kind: Kind,
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
        target: str | None,
        mount: str,
    ) -> str:
        if ENVELOPE in kwargs:
            raise ValueError(f"the keyword {ENVELOPE!r} is reserved: take another name")
        if kind.has_target:
            check_target(target)
            # The last, so that errors number the others as the caller does.
            args = (*args, target)
        # Before there is a token: error trackers show the variables of frames.
        if not self._app_url:
            raise PtrackConfigurationError(
                "PTRACK_APP_URL is not set, and ptrack can't make URLs without it: "
                'set it to the address of the site, for example "https://www.example.com"'
            )
        token = self._seal(kind, args, kwargs)
        base = self._base if mount == "/" else self._make_base(mount)
        return f"{base}{kind.segment}{token}{self._quoted_suffix}"

    def _seal(self, kind: Kind, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str:
        encoder = self._encoder()
        if encoder is not None and kind.purpose is None:
            return self._quote(kind, encoder.encrypt(*args, **kwargs))
        if kind not in self._boxes:
            raise PtrackConfigurationError(
                "PTRACK_SECRET is not set: tracked links need one, with a custom "
                "encoder too"
            )
        if encoder is None:
            return self._boxes[kind].encrypt(*args, **kwargs)
        # A custom encoder gets the sealed token as its only argument. A caller can't
        # imitate that, whichever arguments it seals.
        # No variable for that: error trackers show the variables of frames.
        return self._quote(
            kind, encoder.encrypt(self._boxes[kind].encrypt(*args, **kwargs))
        )

    def _quote(self, kind: Kind, token: Any) -> str:
        """Return a custom encoder's token, which may be anything, as a piece of path.

        Raises:
            TypeError, ValueError: No request for it would be a hit.
        """
        problem = self._find_problem(kind, token)
        if problem is None:
            return quote(token, safe=_PATH_SAFE)
        # Error trackers show the variables of frames.
        del token
        raise problem

    def _find_problem(self, kind: Kind, token: Any) -> Exception | None:
        if not isinstance(token, str):
            name = type(token).__qualname__
            return TypeError(f"The encoder returned {name}: a token must be str")
        if self._split(kind.segment + token) != (kind, token):
            return ValueError(
                "The encoder returned a token that starts as another kind's"
            )
        # RFC 3986, section 5.2.4: clients would resolve them.
        if not {".", ".."}.isdisjoint(f"{token}{self.suffix}".split("/")):
            return ValueError("The encoder returned a token with a part of dots alone")
        try:
            length = len(quote(token, safe=_PATH_SAFE))
        except UnicodeEncodeError:
            return ValueError("The encoder returned text that UTF-8 can't hold")
        if length <= MAX_TOKEN_LENGTH:
            return None
        return ValueError(
            f"The encoder returned a token of {length} characters, and servers refuse "
            f"URLs with more than {MAX_TOKEN_LENGTH}: put less into it"
        )

    def _make_base(self, mount: str) -> str:
        quoted = quote(mount.rstrip("/"), safe=_PATH_SAFE)
        return f"{self._app_url}{quoted}{self._quoted_prefix}"

    # -- reading ----------------------------------------------------------------------

    def owns(self, url: str, mount: str = "/") -> bool:
        """Return whether an absolute URL is one of this endpoint's.

        Args:
            url: A URL with any scheme.
            mount: The path that the app is mounted at, unquoted.
        """
        base = self._base if mount == "/" else self._make_base(mount)
        start, path = base.partition("//")[2].lower(), url.partition("//")[2]
        if not start or not path.lower().startswith(start):
            return False
        if not self.shared:
            return True
        # Pages of the site start in the same way, so only the token decides.
        token = path[len(start) :].removesuffix(self._quoted_suffix)
        kind, _ = self._split(token)
        return kind is not PIXEL or self.read(token) is not None

    def find_tokens(self, url: str) -> Iterator[tuple[str, str]]:
        """Yield each part of a URL's path that may be a token, with its path.

        Args:
            url: A URL; its host doesn't matter, nor its query.

        Yields:
            The path below the place that the app may be mounted at, decoded, and the
            part of it that may be a token.
        """
        if has_long_host(url):
            return
        try:
            path = unquote(urlsplit(url).path)
        except ValueError:
            return
        # Before that, the rest of the path is too long for a token.
        longest = len(self.prefix) + self._longest + len(self.suffix) + 1
        start = path.find(self.prefix, max(0, len(path) - longest))
        while start >= 0:
            below = path[start:]
            token = below[self._token_in].removesuffix("/")
            if self.suffix != "/":
                token = token.removesuffix(self.suffix)
            yield below, token
            start = path.find(self.prefix, start + 1)

    def read_url(self, url: str) -> tuple[str, Carried] | None:
        """Return the content of a URL's token, without recording a hit.

        Args:
            url: As for `find_tokens`.

        Returns:
            The path below the place that the app is mounted at, decoded, and the
            content of its token; ``None`` if nothing in the URL can be read.
        """
        for path, token in self.find_tokens(url):
            carried = self.read(token)
            if carried is not None:
                return path, carried
        return None

    def read(self, token: str) -> Carried | None:
        """Return the content of a token, without recording a hit.

        Args:
            token: A token, behind the segment of its kind, as `match` returns it.

        Returns:
            ``None`` if it can't be read.
        """
        kind, sealed = self._split(token)
        opened = self._open(kind, sealed)
        if opened is None:
            return None
        args, kwargs, target = opened
        return Carried(kind, tuple(args), kwargs, target)

    def find_damage(self, token: str) -> Damage | None:
        """Return the parts of a text that are left out to read the token in it.

        Args:
            token: As for `read`.

        Returns:
            ``None`` if the text can't hold a token. With a custom encoder nothing is
            known, and nothing is left out.
        """
        if self._encoder() is not None:
            return repair.UNDAMAGED
        kind, sealed = self._split(token)
        tokens = repair.find_tokens(sealed)
        if not tokens:
            return None
        readable = (each for each in tokens if self._open(kind, each) is not None)
        damage = repair.measure_damage(sealed, next(readable, tokens[0]))
        before = len(token) - len(kind.segment) - len(sealed)
        return damage._replace(dropped=before + damage.dropped)

    def recognises(self, token: str) -> bool:
        """Return whether a path is surely ptrack's: a token in it can be read.

        Args:
            token: As for `read`. A custom encoder may take any text for a token, so
                with one nothing is sure.
        """
        return self._encoder() is None and self.read(token) is not None

    def _split(self, token: str) -> tuple[Kind, str]:
        """Return the kind that a token's segment names, and the token behind it."""
        # A segment ends in a slash, and the pixel has none.
        if "/" in token:
            for kind in self._segmented:
                if token.startswith(kind.segment):
                    return kind, token[len(kind.segment) :]
            if self._encoder() is None:
                return self._fronts.split(token)
        return PIXEL, token

    def _open(self, kind: Kind, token: str) -> tuple[Any, Any, str | None] | None:
        """Return the arguments and the target in a token; ``None`` for no token."""
        encoder = self._encoder()
        try:
            if encoder is None:
                args, kwargs = _decrypt(self._boxes[kind], token)
            else:
                args, kwargs = self._decrypt_by(encoder, kind, token)
            # The callbacks don't get the envelope.
            kwargs.pop(ENVELOPE, None)
            target = None
            if kind.has_target:
                args, target = args[:-1], args[-1]
                check_target(target)
        except BaseException as error:
            if is_way_out(error):
                raise
            # Its type alone: the message of a custom encoder may show the token.
            log(logging.DEBUG, "Not a token: %s", type(error).__name__)
            return None
        return args, kwargs, target

    def _decrypt_by(self, encoder: Encoder, kind: Kind, token: str) -> tuple[Any, Any]:
        """Open a token of a custom encoder: the arguments, or a sealed token, whole.

        Raises:
            Exception: It isn't a token of this kind.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("too long for a token")
        found, named = encoder.decrypt(token)
        args, kwargs = _copy_args(found), _copy_kwargs(named)
        if kind.purpose is None:
            self._refuse_other_kinds(args, kwargs)
            return args, kwargs
        (sealed,) = args
        if kwargs:
            raise ValueError("not a token of this kind")
        return self._boxes[kind].decrypt(sealed)

    def _refuse_other_kinds(self, args: tuple[Any, ...], kwargs: Any) -> None:
        """Raise an error if a custom encoder's arguments are a sealed token, whole."""
        match args, bool(kwargs):
            case (str() as sealed,), False:
                for kind, box in self._boxes.items():
                    if kind.purpose is not None and _can_read(box, sealed):
                        raise ValueError("not a token of this kind")

    # -- requests ---------------------------------------------------------------------

    def match(self, path: str) -> str | None:
        """Return the part of a path that may be a token.

        Args:
            path: The path below the mount, decoded.

        Returns:
            The text between the prefix and an optional slash at the end, cut off where
            it is too long for a token; ``None`` if the path belongs to the app.
        """
        if self.shared or not path.startswith(self.prefix):
            return None
        return path[self._token_in].removesuffix("/")

    def match_wsgi(self, path: str) -> str | None:
        """Return the part of a path in WSGI's form that may be a token.

        Args:
            path: ``PATH_INFO``: bytes as Latin-1 (PEP 3333, "Unicode Issues").
        """
        if self.shared or not path.startswith(self._wsgi_prefix):
            return None
        token = path[self._token_in_wsgi].removesuffix("/")
        # More bytes are too long in any encoding: `url` makes no such token.
        if token.isascii() or len(token) > self._longest:
            return token
        # A server may hand over characters that aren't Latin-1.
        return token.encode("latin-1", "replace").decode("utf-8", "replace")

    def receive(
        self, method: str, token: str, request: Callable[[], Any]
    ) -> tuple[Answer, Hit | None]:
        """Decide about a request under the prefix; run no callback.

        Args:
            method: The request's method.
            token: The result of `match`.
            request: Makes the request that the callbacks get; called at most once.

        Returns:
            The answer, and the hit if there is one. For a pixel the answer is the same
            for every token.
        """
        # Most requests are for pixels, whose tokens have no segment before them.
        kind, sealed = self._split(token) if "/" in token else (PIXEL, token)
        method = method.upper()
        answer = kind.answers.get(method)
        if answer is None:
            refusal = kind.not_allowed
            return self._ignore(
                "method", drop_body(refusal) if method == "HEAD" else refusal
            )
        records = method in kind.records
        if not records and kind.unreadable is kind.answers:
            return self._ignore("unrecorded", answer)
        opened = self._open(kind, sealed)
        if opened is None:
            return self._ignore("token", self._unreadable[kind][method])
        received = request()
        args, kwargs, target = opened
        if target is not None:
            answer = redirect_to(self._pass_query(target, received), answer)
        if not records:
            return self._ignore("unrecorded", answer)
        if self._honour_gpc and kind.honours_objection and objects(received):
            return self._ignore("gpc", answer)
        return answer, Hit(kind, received, args, kwargs, target)

    def answer(
        self,
        method: str,
        token: str,
        request: Callable[[], Any],
        within: Within | None = None,
    ) -> Answer:
        """Answer a request, and run the callbacks if it is a hit.

        Args:
            method: As for `receive`.
            token: As for `receive`.
            request: As for `receive`.
            within: As for `Tracker.run`.
        """
        answer, hit = self.receive(method, token, request)
        if hit is None or self.tracker.run(hit, self.engine, within):
            return answer
        return hit.kind.failed or answer

    async def aanswer(
        self,
        method: str,
        token: str,
        request: Callable[[], Any],
        *,
        thread_sensitive: bool = True,
    ) -> Answer:
        """Answer a request from an event loop, and run the callbacks if it is a hit.

        Args:
            method: As for `receive`.
            token: As for `receive`.
            request: As for `receive`.
            thread_sensitive: As for `Tracker.arun`.
        """
        answer, hit = self.receive(method, token, request)
        if hit is None:
            return answer
        succeeded = await self.tracker.arun(
            hit, self.engine, thread_sensitive=thread_sensitive
        )
        return answer if succeeded else hit.kind.failed or answer

    def _ignore(self, reason: Reason, answer: Answer) -> tuple[Answer, None]:
        self.tracker.ignore(reason)
        return answer, None

    def _pass_query(self, target: str, request: Any) -> str:
        if not self._link_query:
            return target
        query = request.META.get("QUERY_STRING", "")
        return add_query(target, query, self._link_query)


def make_tag(url: str, attributes: str) -> str:
    """Return the ``<img>`` of a pixel.

    Args:
        url: The URL of the pixel.
        attributes: The attributes besides ``src``, as HTML, separated by spaces.
    """
    more = attributes and f" {attributes}"
    return f'<img src="{html.escape(url)}"{more}>'


def _derive(box: TokenBox, kind: Kind) -> TokenBox:
    return box if kind.purpose is None else box.derive(kind.purpose)


def _can_read(box: TokenBox, token: str) -> bool:
    try:
        box.decrypt(token)
    except ValueError:
        return False
    return True


def _decrypt(box: TokenBox, token: str) -> Arguments:
    """Open a token, or the one that a damaged text held.

    Raises:
        PtrackTokenError: It can't be read.
    """
    try:
        return box.decrypt(token)
    except PtrackTokenError:
        for mended in repair.mend(token):
            with suppress(PtrackTokenError):
                return box.decrypt(mended)
        raise


def _find_unreadable(kind: Kind, fallback_url: str | None) -> Mapping[str, Answer]:
    """Return the answers to a token that can't be read."""
    if not kind.has_target or fallback_url is None:
        return kind.unreadable
    redirect = redirect_to(fallback_url)
    return dict.fromkeys(kind.unreadable, redirect)


def _copy_args(found: Any) -> tuple[Any, ...]:
    """Return a custom encoder's positional arguments, which it may return but once.

    Raises:
        TypeError: They are text, which would be an argument for each character, or a
            mapping, or can't be iterated over.
        ValueError: There are too many.
    """
    if isinstance(found, str | bytes | bytearray | Mapping):
        raise TypeError("no positional arguments")
    return _read_all(found)


def _copy_kwargs(named: Any) -> dict[str, Any]:
    """Return a copy of a custom encoder's keyword arguments.

    Raises:
        TypeError, AttributeError: They are no mapping, or a name isn't text.
        ValueError: There are too many.
    """
    names = _read_all(named.keys())
    if not all(isinstance(name, str) for name in names):
        raise TypeError("no keyword arguments")
    return {name: named[name] for name in names}


def _read_all(values: Iterable[Any]) -> tuple[Any, ...]:
    found = tuple(islice(values, MAX_ARGUMENTS + 1))
    if len(found) > MAX_ARGUMENTS:
        raise ValueError("too many arguments")
    return found


def _slice_token(prefix: str, longest: int) -> slice:
    """Return the part of a path that holds the token.

    Args:
        prefix: The start of the path.
        longest: The length of the longest token, with the segment of its kind. The part
            is two characters longer: one shows that the token is too long, the other
            may be a slash.
    """
    start = len(prefix)
    return slice(start, start + longest + 2)
