"""The place where a URLconf includes ``ptrack.urls``.

Reversing the name of its pattern finds it, as django-ptrack 3.0.0 did for each URL.
Below ``i18n_patterns`` it depends on a language. Then it is the place in the site's
default language, or else in the first language, that Django routes to ptrack, whatever
language the reader prefers.
"""

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.urls import (
    NoReverseMatch,
    Resolver404,
    ResolverMatch,
    get_script_prefix,
    resolve,
    reverse,
    set_script_prefix,
)
from django.utils import translation
from django.utils.module_loading import import_string

URL_NAME = "ptrack"
TOKEN_ARGUMENT = "ptrack_encoded_data"  # noqa: S105 - a name in the URLconf

# In the shape of a token: a URLconf may have a pattern for that.
PROBE = "A" * 64


class Place(NamedTuple):
    """The path of a pixel in a URLconf: the parts before and after the token."""

    prefix: str
    suffix: str


class Routing(NamedTuple):
    """The settings that decide about the language in which Django routes a request.

    Attributes:
        urlconf: ``ROOT_URLCONF``.
        language: ``LANGUAGE_CODE``.
        languages: The codes in ``LANGUAGES``.
        middleware: ``MIDDLEWARE``.
    """

    urlconf: Any
    language: str
    languages: tuple[str, ...] = ()
    middleware: tuple[str, ...] = ()


@functools.lru_cache(maxsize=16)
def find_place(routing: Routing) -> Place | None:
    """Find the place in a URLconf, once for a set of settings.

    Returns:
        The place, as for an app at the root; ``None`` if ``reverse("ptrack")`` finds
        none. If Django routes no place to ptrack, the one in the default language.

    Raises:
        Exception: The URLconf can't be imported.
    """
    first = _reverse(routing, routing.language)
    if first is None or _is_routed(first, routing):
        return first
    for language in _find_other_languages(routing):
        place = _reverse(routing, language)
        if place == first:
            # It depends on no language.
            break
        if place is not None and _is_routed(place, routing):
            return place
    return first


def _find_other_languages(routing: Routing) -> Iterator[str]:
    """Yield the languages that may be in the path, the likeliest first."""
    try:
        # The language of a request that has no preference.
        variant = translation.get_supported_language_variant(routing.language)
    except LookupError:
        variant = routing.language
    # Django routes a language in lower case only, however the settings write it.
    for language in dict.fromkeys(map(str.lower, (variant, *routing.languages))):
        if language != routing.language:
            yield language


def _reverse(routing: Routing, language: str) -> Place | None:
    arguments = {TOKEN_ARGUMENT: PROBE}
    with _neutralise_urls(routing, language):
        try:
            path = reverse(URL_NAME, urlconf=routing.urlconf, kwargs=arguments)
        except NoReverseMatch:
            return None
    prefix, _, suffix = unquote(path).rpartition(PROBE)
    return Place(prefix, suffix)


def _is_routed(place: Place, routing: Routing) -> bool:
    """Return whether Django routes a pixel's path to a view that gets its token."""
    return all(map(_gets_token, _route(place, routing)))


def _gets_token(match: ResolverMatch | None) -> bool:
    return match is not None and match.kwargs.get(TOKEN_ARGUMENT) == PROBE


def find_views(place: Place, routing: Routing) -> list[Any]:
    """Return the views that a pixel's path at this place is routed to.

    Returns:
        The view for a reader without a preferred language, and one for a reader who
        prefers another language than the site's default; ``None`` for no view that gets
        the token.
    """
    return [
        match.func if match and _gets_token(match) else None
        for match in _route(place, routing)
    ]


def _route(place: Place, routing: Routing) -> Iterator[ResolverMatch | None]:
    """Yield the matches for requests of readers who prefer other languages."""
    path = f"{place.prefix}{PROBE}{place.suffix}"
    if not uses_middleware(routing.middleware, LocaleMiddleware):
        with _neutralise_urls(routing, routing.language):
            yield _resolve(path, routing.urlconf)
        return
    for preferred in ("", _find_foreign_language(routing)):
        with _neutralise_urls(routing, routing.language):
            yield _resolve_as_requested(path, routing.urlconf, preferred)


def _find_foreign_language(routing: Routing) -> str:
    """Return a language that isn't a variant of the default; ``""`` if there is none.

    One is enough; to load them all takes long. Django chooses none for a reader that it
    has no translations for.
    """
    base = routing.language.lower().partition("-")[0]
    codes = (each.lower() for each in routing.languages)
    foreign = (code for code in codes if code.partition("-")[0] != base)
    return next(filter(translation.check_for_language, foreign), "")


def _resolve_as_requested(
    path: str, urlconf: Any, preferred: str
) -> ResolverMatch | None:
    """Return the match in the language that ``LocaleMiddleware`` chooses."""
    matches = []

    def get_response(_: HttpRequest) -> HttpResponse:
        matches.append(_resolve(path, urlconf))
        return HttpResponse()

    request = HttpRequest()
    request.path = request.path_info = path
    request.urlconf = urlconf
    request.META["HTTP_ACCEPT_LANGUAGE"] = preferred
    LocaleMiddleware(get_response)(request)
    return matches[0]


def _resolve(path: str, urlconf: Any) -> ResolverMatch | None:
    try:
        return resolve(path, urlconf)
    except Resolver404:
        return None


def uses_middleware(paths: Iterable[str], base: type) -> bool:
    """Return whether one of the middlewares is a class, or derived from it.

    Args:
        paths: The value of ``MIDDLEWARE``.
        base: The class.
    """
    return any(_is_derived(path, base) for path in paths)


def _is_derived(path: str, base: type) -> bool:
    try:
        found = import_string(path)
    except Exception:
        # Django reports it when it loads the middleware.
        return False
    return isinstance(found, type) and issubclass(found, base)


@contextmanager
def _neutralise_urls(routing: Routing, language: str) -> Iterator[None]:
    """Run a block as for an app at the root, in a language."""
    mount = get_script_prefix()
    set_script_prefix("/")
    # Django writes an active language in lower case, and the default as it is set.
    is_default = translation.get_language() == routing.language
    try:
        with translation.override(language, deactivate=is_default):
            if language == routing.language:
                translation.deactivate()
            yield
    finally:
        set_script_prefix(mount)
