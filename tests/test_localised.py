"""ptrack.urls below ``i18n_patterns``: Django routes every URL to ptrack."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import checks
from django.test import Client, override_settings
from django.utils import translation

import ptrack
from tests.localised import COMMON, LOCALE, PTRACK
from tests.processes import run_python

HOST = "https://www.example.com"
TARGET = "https://shop.example/"


@pytest.fixture(autouse=True)
def no_language() -> Iterator[None]:
    """Leave no language active, as a server does after a request."""
    yield
    translation.deactivate()


@contextlib.contextmanager
def open_site(
    urlconf: str, code: str, languages: str, middleware: list[str]
) -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=f"tests.urlconfs.{urlconf}",
        LANGUAGE_CODE=code,
        LANGUAGES=[(each, each) for each in languages.split()],
        MIDDLEWARE=middleware,
    ):
        yield


def make_paths(*args: Any) -> tuple[str, str]:
    pixel, link = ptrack.pixel_url(*args), ptrack.link_url(TARGET, *args)
    return pixel.removeprefix(HOST), link.removeprefix(HOST)


def get(path: str, accepted: str | None = None, cookie: str | None = None) -> int:
    """Send a request of a reader who prefers a language."""
    translation.deactivate()
    client = Client()
    if cookie is not None:
        client.cookies["django_language"] = cookie
    headers = {} if accepted is None else {"Accept-Language": accepted}
    status: int = client.get(path, headers=headers).status_code
    return status


def find_errors() -> list[Any]:
    return [each.id for each in checks.run_checks() if "ptrack" in str(each.id)]


CODES = ["en-us", "en", "fr", "pt-br", "PT-br", "zh-hans", "de-at", "EN", "de"]
# Django has no translations for "tlh".
LANGUAGES = ["en de", "de", "pt-br pt", "zh-hans en", "pt-BR EN", "tlh en de"]
MIDDLEWARES = {
    "locale": [LOCALE, COMMON],
    "none": [COMMON],
    "ptrack last": [LOCALE, COMMON, PTRACK],
}


@pytest.mark.parametrize("middleware", MIDDLEWARES.values(), ids=MIDDLEWARES)
@pytest.mark.parametrize("languages", LANGUAGES)
@pytest.mark.parametrize("urlconf", ["localised", "localised_but_default"])
def test_every_url_leads_to_ptrack(urlconf, languages, middleware, recorder, clicks):
    """The language of the page that made it doesn't matter, nor that of its reader."""
    readers = [(None, None), ("de", None), ("en;q=0.9", "de"), (None, "en")]
    for code in CODES:
        with open_site(urlconf, code, languages, middleware):
            with translation.override("de"):
                pixel, link = make_paths(code)
            for accepted, cookie in readers:
                assert get(pixel, accepted, cookie) == 200, code
                assert get(link, accepted, cookie) == 302, code
            assert find_errors() == [], code
    assert len(recorder.hits) == len(clicks.hits) == len(CODES) * len(readers)


@pytest.mark.parametrize(
    ("code", "languages", "start"),
    [
        ("en-us", "en de", "/en/track/"),
        ("de-at", "en de", "/de/track/"),
        ("pt-br", "pt", "/pt/track/"),
        ("fr", "en de", "/en/track/"),
        ("zh-hans", "en zh-hans", "/zh-hans/track/"),
        ("pt-BR", "pt-br", "/pt-br/track/"),
        ("pt-BR", "en pt pt-br", "/pt-br/track/"),
        ("de-AT", "en de-at", "/de-at/track/"),
    ],
)
def test_language_of_the_urls_is_the_variant_of_the_default(code, languages, start):
    with open_site("localised", code, languages, [LOCALE]):
        assert all(path.startswith(start) for path in make_paths())
    with open_site("localised", code, languages, []):
        assert all(path.startswith(f"/{code}/track/") for path in make_paths())


@pytest.mark.parametrize("middleware", [[LOCALE, COMMON], [LOCALE, COMMON, PTRACK]])
def test_urls_that_django_ptrack_300_made_in_other_languages_go_on(
    middleware, recorder
):
    """It reversed the pattern in the language that was active."""
    with open_site("localised", "en-us", "en de pt", middleware):
        (path, _) = make_paths("a")
        for language in ("en", "de", "pt"):
            old = path.replace("/en/", f"/{language}/")
            assert get(old, accepted="en") == 200
    assert recorder.hits == [(("a",), {})] * 3


def test_default_settings_of_django_make_urls_that_it_routes():
    """Its own list has about a hundred languages, and "en-us" isn't one of them."""
    out = run_python(
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(\n"
        "    ROOT_URLCONF='tests.urlconfs.localised', INSTALLED_APPS=['ptrack'],\n"
        f"    MIDDLEWARE=[{LOCALE!r}], ALLOWED_HOSTS=['*'],\n"
        f"    PTRACK_SECRET='x' * 32, PTRACK_APP_URL={HOST!r})\n"
        "django.setup()\n"
        "from django.test import Client\n"
        "import ptrack\n"
        "class Opens(ptrack.TrackingPixel):\n"
        "    def record(self, request, *args): print(request.path[:10], args)\n"
        "ptrack.tracker.register(Opens)\n"
        f"path = ptrack.pixel_url('a').removeprefix({HOST!r})\n"
        "Client().get(path, headers={'Accept-Language': 'de'})\n",
    )
    assert out == "/en/track/ ('a',)\n"


def test_site_without_translations_has_no_language_in_its_urls():
    out = run_python(
        "from django.conf import settings\n"
        "settings.configure(\n"
        "    ROOT_URLCONF='tests.urlconfs.localised', INSTALLED_APPS=['ptrack'],\n"
        f"    MIDDLEWARE=[{LOCALE!r}], USE_I18N=False, LANGUAGES=[('de', 'de')],\n"
        f"    PTRACK_SECRET='x' * 32, PTRACK_APP_URL={HOST!r})\n"
        "import django\n"
        "django.setup()\n"
        "from django.core.management import call_command\n"
        "import ptrack\n"
        "class Opens(ptrack.TrackingPixel):\n"
        "    def record(self, request, *args): print(request.path[:7], args)\n"
        "ptrack.tracker.register(Opens)\n"
        "call_command('check')\n"
        "from django.test import Client\n"
        f"Client().get(ptrack.pixel_url('a').removeprefix({HOST!r}))\n",
    )
    assert out.splitlines()[1:] == ["/track/ ('a',)"]


@pytest.mark.parametrize(
    ("urlconf", "middleware"),
    [
        *itertools.product(["shadowed"], [[], [LOCALE]]),
        ("translated", [LOCALE]),
        ("localised_but_shadowed", [LOCALE]),
    ],
)
@pytest.mark.parametrize("languages", ["en de", "en tlh de"])
def test_place_that_django_routes_elsewhere_is_an_error(
    urlconf, middleware, languages, recorder
):
    """It may be routed elsewhere only for readers who prefer another language."""
    with open_site(urlconf, "en-us", languages, middleware):
        (error,) = [each for each in checks.run_checks() if each.id == "ptrack.E013"]
    assert "don't lead there" in error.msg
    assert "i18n_patterns" in error.hint


@pytest.mark.parametrize("prefix", [None, "/ptrack/", "/en/other/", "/x/y"])
@pytest.mark.parametrize("middleware", [[PTRACK, LOCALE], [LOCALE, COMMON, PTRACK]])
@pytest.mark.parametrize(
    "urlconf", ["shadowed", "translated", "localised", "namespaced", "included"]
)
def test_routing_does_not_matter_behind_the_middleware(
    urlconf, middleware, prefix, recorder
):
    """It answers at the prefix. ptrack.urls may go on elsewhere, for old mails."""
    with (
        open_site(urlconf, "en-us", "en de", middleware),
        override_settings(PTRACK_PREFIX=prefix),
    ):
        assert find_errors() == []
        for accepted in ("de", "en", None):
            assert get(make_paths("a")[0], accepted) == 200
    assert recorder.hits == [(("a",), {})] * 3


@pytest.mark.parametrize("prefix", ["/ptrack/", "/en/other/"])
@pytest.mark.parametrize("urlconf", ["root", "translated", "localised"])
def test_prefix_below_which_the_view_gets_no_token_is_an_error(
    urlconf, prefix, recorder
):
    """At the root, the view takes all paths; the prefix is no part of a token."""
    with (
        open_site(urlconf, "en-us", "en de", [LOCALE]),
        override_settings(PTRACK_PREFIX=prefix),
    ):
        get(make_paths("a")[0])
        assert find_errors() == ["ptrack.E013"]
    assert recorder.hits == []


def test_translated_path_is_fine_where_every_reader_gets_the_same(recorder):
    with open_site("translated", "en-us", "en de", [COMMON]):
        assert get(make_paths("a")[0], accepted="de") == 200
        assert find_errors() == []
