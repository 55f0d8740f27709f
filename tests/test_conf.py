"""ptrack.conf: one table of settings, and every way to set each of them."""

import json
import re
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from ipaddress import ip_network
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from celery import Celery
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st
from paste.deploy import loadfilter
from webtest import TestApp as WebTest

import ptrack
from ptrack import asgi, conf, endpoints, wsgi
from ptrack.conf import OPTIONS, SETTINGS, Configuration, Options, Setting
from ptrack.core.answers import GIF
from ptrack.core.endpoint import make_tag
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackConfigurationError
from ptrack.middleware import PtrackMiddleware
from ptrack.urlconf import find_place
from tests.processes import ROOT, run_python
from tests.recording import empty_tracker, register_recorder

HOST = "https://h.example"
SECRET = "s" * 32
BY_NAME = {setting.name: setting for setting in SETTINGS}
JOBS: list[str] = []
CELERY = Celery("tests", broker="memory://", set_as_current=False)


class Engine:
    """An engine of a project's own."""

    def enqueue(self, job: str) -> None:
        JOBS.append(job)


# -- the table ------------------------------------------------------------------------

# Good values, with the text that the environment and an .ini have for each.
WRITTEN: dict[str, list[tuple[Any, str]]] = {
    "PTRACK_SECRET": [("x", "x"), ("é" * 16, "é" * 16), ("a, b;c#[", "a, b;c#[")],
    "PTRACK_SECRET_FALLBACKS": [
        (("a", "b"), '["a", "b"]'),
        ((" a,#b ", '"c"', "é"), ' [" a,#b ",\n"\\"c\\"", "\\u00e9"]\n'),
        (("a, b c,",), "a, b c,"),
        (("a]",), "a]"),
    ],
    "PTRACK_APP_URL": [
        (good,) * 2
        for good in (
            *("https://h", "http://h:80/at/", "HTTPS://h/", "https://[2001:db8::1]:8/"),
            *(
                "https://bücher.example",
                "https://h/a%20b/é",
                "https://h/%C3%A9/%d1%8F/b",
            ),
        )
    ],
    "PTRACK_PREFIX": [
        *[(good,) * 2 for good in ("/x/", "/", "x", "a/b", "/a.b/..c/", "/é~(1):@;=/")],
        ("/x/", " /x/ "),
    ],
    "PTRACK_LINK_FALLBACK_URL": [("https://h/help", "https://h/help")],
    "PTRACK_LINK_QUERY": [
        (("a", "b"), "a, b"),
        (("a", "b"), " a b\n"),
        (("a", "b c"), '["a", "b c"]'),
        (True, "True"),
        (False, " false "),
    ],
    "PTRACK_HONOUR_GPC": [(True, "true"), (False, "FALSE")],
    "PTRACK_IMG_ATTRIBUTES": [
        (good, f" {good}\n")
        for good in (
            *("width=1 height=1", 'width="1" height="1" alt=""', "alt", 'alt="" /'),
            *("ALT='a > b'  hidden", 'alt = "é"', 'style="color:#fff" data-x.y_z=1'),
            *('alt=""/', "alt=''/", 'data-x="{}" style="a:b;c:d" b=a;c#d&e'),
            *('loading="eager" ALT', 'onerror="a()" class="a src b"', "v-on:x='1'"),
        )
    ],
    "PTRACK_BACKGROUND": [("celery", "celery"), ("a.B", "a.B")],
    "PTRACK_BACKGROUND_QUEUE": [("pixels", "pixels")],
    "PTRACK_TRUSTED_PROXIES": [
        (("10.0.0.0/8", "2001:db8::1", "unix:"), " 10.0.0.0/8,2001:db8::1, unix:,"),
        (("10.0.0.0/8", "unix:"), "10.0.0.0/8 unix:"),
    ],
    "PTRACK_STATS_KEY": [("recipient", "recipient")],
    "PTRACK_STATS_IP": [("short", "short"), ("full", "full")],
    "PTRACK_PLACEHOLDERS": [
        (good,) * 2 for good in (r"\[[A-Z]+\]", "-name-", "[@:]id", r"#\w+#", "a, b")
    ],
}

# Good values that only Django's settings, or an option, can have.
OBJECTS: dict[str, list[Any]] = {
    "PTRACK_SECRET": [b"x" * 32],
    "PTRACK_SECRET_FALLBACKS": [["a", b"b"], (), {"a"}],
    "PTRACK_APP_URL": [""],
    "PTRACK_LINK_FALLBACK_URL": [""],
    "PTRACK_LINK_QUERY": [[], {"a"}],
    "PTRACK_IMG_ATTRIBUTES": ["", " ", ' alt="" ', "/", 'style="a #b"'],
    "PTRACK_BACKGROUND": ["", Engine()],
    "PTRACK_TRUSTED_PROXIES": [(), [ip_network("10.0.0.0/8")], {"10.0.0.1": "nginx"}],
    "PTRACK_STATS_IP": [True, False],
    "PTRACK_PLACEHOLDERS": ["", re.compile("x"), str.isupper, lambda url: False],
}

# Bad values, and a part of the message about each.
BAD: dict[str, list[tuple[Any, str]]] = {
    "PTRACK_SECRET": [
        ("", "can't be used: a secret must not be empty"),
        (b"", "can't be used: a secret must not be empty"),
        ("the old secret", "can't be used: ptrack's documentation has shown it"),
        ("x" * 33, "can't be used: a secret must be at most 32 bytes"),
        ("é" * 17, "can't be used: a secret must be at most 32 bytes"),
        (b"x" * 33, "can't be used: a secret must be at most 32 bytes"),
        ("\ud800", "can't be used: a secret must be text that UTF-8 can hold"),
        (42, "can't be used: a secret must be str or bytes, not int"),
        (["x"] * 40, "can't be used: a secret must be str or bytes, not list"),
    ],
    "PTRACK_SECRET_FALLBACKS": [
        ("old", "must be a list of earlier secrets, not str"),
        (b"old", "must be a list of earlier secrets, not bytes"),
        (1, "must be a list of earlier secrets, not int"),
        ({"old": "secret"}, "must be a list of earlier secrets, not dict"),
        (["old", ""], "[1] can't be used: a secret must not be empty"),
        (["old", "the old secret"], "[1] can't be used: ptrack's documentation has"),
        ([1], "[0] can't be used: a secret must be str or bytes, not int"),
    ],
    "PTRACK_APP_URL": [
        ("www.example.com", "begins with no http:// or https:// and a host"),
        ("//h", "begins with no http:// or https:// and a host"),
        ("https://", "begins with no http:// or https:// and a host"),
        ("ftp://h", "begins with no http:// or https:// and a host"),
        (1, "begins with no http:// or https:// and a host"),
        ("https://[h", "has an impossible host or port"),
        ("https://h:port", "has an impossible host or port"),
        ("https://h?q", "has a query, a fragment, or a character"),
        ("https://h?", "has a query, a fragment, or a character"),
        ("https://h#f", "has a query, a fragment, or a character"),
        ("https://h h", "has a query, a fragment, or a character"),
        ("https://h\n", "has a query, a fragment, or a character"),
        ("https://h\th", "has a query, a fragment, or a character"),
        ("https://h\\x", "has a query, a fragment, or a character"),
        ("https://<h>", "has a query, a fragment, or a character"),
        ("https://..", "has a query, a fragment, or a character"),
        ("https://user:word@h", "has a user in it"),
        ("https://h/a b", "has white space, a control character or half a"),
        ("https://h/a\u2028b", "has a query, a fragment, or a character"),
        ("https://h/%zz", "has a character in it that no path may have"),
        ("https://h/a\\b", "has a character in it that no path may have"),
        ("https://h//a", "has two slashes in a row in it"),
        ("https://https://h", "has two slashes in a row in it"),
        ("https://h/a/../b", 'has a part "." or ".." in it'),
        ("https://h/a/%2e%2E/b", 'has a part "." or ".." in it'),
        (" https://h", "has white space in front of it"),
        ("\nhttps://h", "has white space in front of it"),
    ],
    "PTRACK_PREFIX": [
        (1, "must be str, not int"),
        ("", 'must not be empty: "/" is the whole host'),
        *[
            (f"/x{bad}/", "it has a character in it that no path may have")
            for bad in '?#%<>"{}|\\^`[]'
        ],
        *[
            (f"/x{bad}/", "it has white space, a control character or half a")
            for bad in " \t\n\r\x00\x7f\x85\xa0\u2028\u200f\ud800"
        ],
        *[(bad, "it has two slashes") for bad in ("//", "//x/", "/a//b/", "/x//")],
        *[(bad, 'it has a part "." or') for bad in (".", "/./", "/a/../b", "..")],
        ("https://h/x/", "it has two slashes in a row in it"),
    ],
    "PTRACK_LINK_FALLBACK_URL": [
        ("/help/", "must be an absolute URL, not '/help/'"),
        (1, "must be an absolute URL, not 1"),
    ],
    "PTRACK_LINK_QUERY": [
        ("utm_source", "must be a list of names of parameters, or True for all"),
        ([1], "must be a list of names of parameters, or True for all"),
        (1, "must be a list of names of parameters, or True for all"),
    ],
    "PTRACK_HONOUR_GPC": [
        ("yes", "must be True or False, not 'yes'"),
        (1, "must be True or False, not 1"),
    ],
    "PTRACK_IMG_ATTRIBUTES": [
        (1, "must be str, not int"),
        (b'alt=""', "must be str, not bytes"),
        (['alt=""'], "must be str, not list"),
        *[
            (bad, "isn't a list of HTML attributes")
            for bad in (
                *('alt="', "alt='x", 'alt=""">', "alt=", "=1", 'alt=""width="1"'),
                *(
                    'alt="">',
                    'alt=""><script>',
                    "<b",
                    "width=1<b",
                    "width=1>",
                    "width=`1`",
                ),
                *(
                    "width=1/",
                    "/ alt",
                    "alt=a/b",
                    "alt //",
                    "{{ x }}",
                    "1=1",
                    "alt, width",
                ),
                *(
                    "hidden/",
                    'alt=""/ hidden',
                    "alt=“”",
                    "alt=”a”",
                    "alt=«»",
                    "width=１",
                    "alt=é",
                    'alt=""//',
                ),
                *("width=a=b", "width=a'b", 'a"b', "é=1", "&quot;", "# alt", "&lt;img"),
            )
        ],
        *[
            (f'alt=""{bad}width="1"', "has a line break or a control character in it")
            for bad in "\n\r\t\x00\x7f\x85\u2028\u200f\ud800"
        ],
        *[
            (bad, "has the address of an image in it")
            for bad in ("src=x", 'alt="" SRC="x"', "srcset=x", "src", 'src="a" src="b"')
        ],
        *[
            (bad, "has an attribute twice")
            for bad in ("alt alt", 'width=1 WIDTH="1"', 'alt="" height=1 alt=""')
        ],
    ],
    "PTRACK_BACKGROUND": [
        (1, "the dotted path of a class or an object with a method enqueue(job)"),
    ],
    "PTRACK_BACKGROUND_QUEUE": [(1, "must be the name of a queue, not int")],
    "PTRACK_TRUSTED_PROXIES": [
        ("10.0.0.1", "must be a list of addresses and networks, not str"),
        (1, "must be a list of addresses and networks, not int"),
        (["10.0.0.1", "10.0.0.1/8"], "can't be used: 10.0.0.1/8 has host bits set"),
        (["*"], "can't be used: '*' does not appear to be"),
        ([""], "can't be used: '' does not appear to be"),
        ([None], "can't be used: 'None' does not appear to be"),
        ([["10.0.0.1"]], "can't be used: "),
    ],
    "PTRACK_STATS_KEY": [
        ("", "must be the name of a keyword, not ''"),
        (["recipient"], "must be the name of a keyword, not ['recipient']"),
    ],
    "PTRACK_STATS_IP": [
        ("all", 'must be "short", "full", or None for no address at all, not \'all\''),
        (24, 'must be "short", "full", or None for no address at all, not 24'),
    ],
    "PTRACK_PLACEHOLDERS": [
        ("[A-Z", "is no regular expression: unterminated character set"),
        ("(", "is no regular expression: missing ), unterminated subpattern"),
        ("*", "is no regular expression: nothing to repeat"),
        ("x{9999999999999999999}", "is no regular expression: the repetition number"),
        ("(" * 5000, "is no regular expression: it nests too deep"),
        ("x?", "matches an empty text too, so it would match every target"),
        (re.compile(b"x"), "must be a regular expression for text, not for bytes"),
        (["x"], "must be a regular expression or a function that takes a target, not"),
        (7, "must be a regular expression or a function that takes a target, not int"),
    ],
}


def pair(values: dict[str, list[Any]]) -> Any:
    """Return a parametrisation over settings and the values for each."""
    return pytest.mark.parametrize(
        ("setting", "value"),
        [(BY_NAME[name], each) for name, several in values.items() for each in several],
        ids=lambda each: each.name if isinstance(each, Setting) else "",
    )


def test_every_setting_has_an_example_here():
    assert set(BY_NAME) == set(WRITTEN) == set(BAD)


@pair(WRITTEN)
def test_good_value_has_no_problem_and_is_read_from_its_text(setting, value):
    good, text = value
    assert setting.find_problem(good) is None
    found = conf.read_environment({setting.name: text})
    assert found.get(setting.name) == good
    assert type(found.get(setting.name)) is type(good)


@pair(OBJECTS)
def test_good_value_that_has_no_text_has_no_problem(setting, value):
    assert setting.find_problem(value) is None


@pair(BAD)
def test_bad_value_has_a_problem_that_names_the_setting(setting, value):
    bad, part = value
    problem = setting.find_problem(bad)
    assert problem == conf.find_problem(setting.name, bad)
    assert problem.startswith(setting.name)
    assert part in problem
    assert not problem.endswith(".")


class TagReader(HTMLParser):
    """Reads the tags of a text, as the standard library takes them apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.found.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@given(
    st.lists(
        st.sampled_from([*"ab\"'=<>/ &;", "alt", '=""', "='x y'", "src", "éx", "\n"])
    ).map("".join)
)
@example('width="1" height="1" alt=""')
def test_good_attributes_make_one_tag_of_html(attributes: str):
    """Each parser of HTML reads them alike, so the standard library's does too."""
    if conf.find_problem("PTRACK_IMG_ATTRIBUTES", attributes) is not None:
        return
    [(tag, found), *end] = TagReader(make_tag("u", attributes.strip())).found
    assert (tag, end) in (("img", []), ("img", ["img"]))
    assert found[0] == ("src", "u")
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_setting_that_is_not_there_is_a_problem_only_where_it_is_required(setting):
    expected = f"{setting.name} is not set" if setting.required else None
    assert setting.find_problem(None) == expected
    assert setting.required == (setting.default == "required")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_hint_and_meaning_are_sentences(setting):
    for text in (setting.hint, setting.meaning):
        assert len(text) > 20
        assert text.endswith(".")
        assert text[0].isupper() or text[0] == "`"


def test_ids_of_the_checks_are_in_the_order_of_the_table():
    ids = [setting.id for setting in SETTINGS]
    assert ids == sorted(set(ids))
    # The other errors.
    assert not {"ptrack.E013", "ptrack.E014", "ptrack.E015"} & set(ids)


def test_options_are_typed_as_the_table_has_them():
    assert set(get_type_hints(Options)) == {*OPTIONS, "encoder", "tracker", "pixels"}
    for option, setting in OPTIONS.items():
        assert setting.name == f"PTRACK_{option.upper()}"


def test_readme_has_the_table():
    rows = [
        f"| `{setting.name}` | {setting.default} | {setting.meaning} |"
        for setting in SETTINGS
    ]
    readme = (ROOT / "README.md").read_text()
    assert "\n".join(["|---|---|---|", *rows]) + "\n\n" in readme


# -- every option works from everywhere -----------------------------------------------


@dataclass
class Site:
    """A site with ptrack, and the functions that make its URLs."""

    app: Any
    pixel_url: Callable[..., str]
    link_url: Callable[..., str]
    pixel_tag: Callable[..., str]

    def get(self, path: str, query: str = "", **headers: str) -> Any:
        """Return WebTest's response to a request."""
        return WebTest(self.app).get(
            f"{path}?{query}", headers=headers, expect_errors=True
        )


def set_up_django(options: dict[str, Any], request: pytest.FixtureRequest) -> Site:
    settings = request.getfixturevalue("settings")
    for option, value in options.items():
        setattr(settings, OPTIONS[option].name, value)
    return Site(WSGIHandler(), ptrack.pixel_url, ptrack.link_url, ptrack.pixel_tag)


def set_up_environment(options: dict[str, Any], request: pytest.FixtureRequest) -> Site:
    request.getfixturevalue("outside_django")
    monkeypatch = request.getfixturevalue("monkeypatch")
    for option, text in options.items():
        monkeypatch.setenv(OPTIONS[option].name, text)
    return Site(wsgi.mirror(), ptrack.pixel_url, ptrack.link_url, ptrack.pixel_tag)


def set_up_wsgi(options: dict[str, Any], request: pytest.FixtureRequest) -> Site:
    made = wsgi.PtrackWSGIMiddleware(None, **options)
    return Site(made, made.pixel_url, made.link_url, made.pixel_tag)


def set_up_asgi(options: dict[str, Any], request: pytest.FixtureRequest) -> Site:
    made = asgi.PtrackASGIMiddleware(None, **options)
    return Site(to_wsgi(made), made.pixel_url, made.link_url, made.pixel_tag)


def set_up_paste(options: dict[str, Any], request: pytest.FixtureRequest) -> Site:
    section = [f"{option} = {text}" for option, text in options.items()]
    ini = request.getfixturevalue("tmp_path") / "paste.ini"
    ini.write_text(
        "\n".join(["[filter:main]", "use = egg:django-ptrack", *section]), "utf-8"
    )
    made = loadfilter(f"config:{ini}")(None)
    return Site(made, made.pixel_url, made.link_url, made.pixel_tag)


def to_wsgi(app: Any) -> Callable[..., list[bytes]]:
    """Return a WSGI app that sends its requests to an ASGI app."""

    @async_to_sync
    async def send(scope: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        communicator = ApplicationCommunicator(app, scope)
        start = await communicator.receive_output()
        body = await communicator.receive_output()
        await communicator.wait()
        return start, body["body"]

    def respond(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        headers = [
            (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), text)
            for name, value in environ.items()
            if name.startswith("HTTP_") and (text := value.encode())
        ]
        start, body = send(
            {
                "type": "http",
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "query_string": environ["QUERY_STRING"].encode(),
                "headers": headers,
            }
        )
        start_response(
            f"{start['status']} Status",
            [(name.decode(), value.decode()) for name, value in start["headers"]],
        )
        return [body]

    return respond


SOURCES = {
    "Django": set_up_django,
    "environment": set_up_environment,
    "WSGI": set_up_wsgi,
    "ASGI": set_up_asgi,
    "PasteDeploy": set_up_paste,
}


def get_path(url: str) -> str:
    return urlsplit(url).path


def reads_secret(site: Site) -> bool:
    with register_recorder(ptrack.tracker) as recorder:
        site.get(f"/ptrack/{TokenBox('other').encrypt('a')}/")
    return recorder.hits == [(("a",), {})]


def makes_url_at_other_host(site: Site) -> bool:
    return site.pixel_url().startswith("https://other.example/ptrack/")


def answers_below_other_prefix(site: Site) -> bool:
    below = site.pixel_url().startswith(f"{HOST}/other/")
    return below and site.get("/other/x").body == GIF


def redirects_broken_link(site: Site) -> bool:
    response = site.get("/ptrack/link/x")
    return response.headers.get("Location") == "https://help.example/"


def passes_query(site: Site) -> bool:
    path = get_path(site.link_url("https://target.example/"))
    response = site.get(path, "a=1&b=2&c=3")
    return response.headers["Location"] == "https://target.example/?b=2&c=3"


def drops_hit_of_objector(site: Site) -> bool:
    with register_recorder(ptrack.tracker) as recorder:
        assert site.get(get_path(site.pixel_url()), **{"Sec-GPC": "1"}).body == GIF
    return not recorder.hits


def makes_accessible_tag(site: Site) -> bool:
    return site.pixel_tag().endswith('/" width="1" height="1" alt="">')


def hands_hit_over(site: Site) -> bool:
    JOBS.clear()
    site.get(get_path(site.pixel_url()))
    return len(JOBS) == 1


def hands_hit_over_in_queue(site: Site) -> bool:
    site.get(get_path(site.pixel_url()))
    with CELERY.connection_for_read() as connection:
        queue = connection.SimpleQueue("pixels")
        try:
            queue.get(block=False).ack()
        except queue.Empty:
            return False
        return True


@dataclass
class Example:
    """A value of an option, and a function that returns whether it has its effect."""

    value: Any
    text: str
    has_effect: Callable[[Site], bool]


EXAMPLES = {
    "secret": Example("other", "other", reads_secret),
    "secret_fallbacks": Example(["older", "other"], '["older", "other"]', reads_secret),
    "app_url": Example(*["https://other.example"] * 2, makes_url_at_other_host),
    "prefix": Example("/other/", "/other/", answers_below_other_prefix),
    "link_fallback_url": Example(*["https://help.example/"] * 2, redirects_broken_link),
    "link_query": Example(["b", "c"], "b, c", passes_query),
    "honour_gpc": Example(True, "true", drops_hit_of_objector),
    "img_attributes": Example(
        *['width="1" height="1" alt=""'] * 2, makes_accessible_tag
    ),
    "background": Example(*[f"{__name__}.Engine"] * 2, hands_hit_over),
    "background_queue": Example("pixels", "pixels", hands_hit_over_in_queue),
}
BASE = {"secret": SECRET, "app_url": HOST, "prefix": "/ptrack/"}
BASES = {"background_queue": {**BASE, "background": f"celery:{__name__}.CELERY"}}


class Slow(ptrack.TrackingPixel):
    background = True

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("option", OPTIONS)
def test_option_works_from_every_source(
    option: str, source: str, request: pytest.FixtureRequest
):
    example, base = EXAMPLES[option], BASES.get(option, BASE)
    as_text = source in ("environment", "PasteDeploy")
    given = {option: example.text if as_text else example.value}
    with empty_tracker(ptrack.tracker):
        if "background" in option:
            ptrack.tracker.register(Slow)
        assert not example.has_effect(SOURCES[source](base, request))
        assert example.has_effect(SOURCES[source](base | given, request))


@pytest.mark.parametrize("source", ["WSGI", "ASGI"])
@override_settings(PTRACK_SECRET_FALLBACKS=["other"], PTRACK_PREFIX="/p/")
def test_option_that_is_not_given_is_read_from_django(source, request):
    site = SOURCES[source]({"secret": SECRET, "prefix": None}, request)
    assert site.pixel_url().startswith("https://www.example.com/p/")
    site = SOURCES[source]({"prefix": "/ptrack/"}, request)
    assert reads_secret(site)


@pytest.mark.parametrize("source", ["WSGI", "ASGI"])
@override_settings(PTRACK_SECRET_FALLBACKS=["other"], PTRACK_APP_URL=HOST)
def test_option_that_is_given_empty_is_given(source, request):
    site = SOURCES[source]({"secret_fallbacks": (), "app_url": ""}, request)
    assert not reads_secret(site)
    with pytest.raises(PtrackConfigurationError, match="PTRACK_APP_URL is not set"):
        site.pixel_url()


@override_settings(ROOT_URLCONF="tests.urlconfs.own_view")
def test_option_for_the_prefix_comes_without_the_suffix_of_the_urlconf(request):
    assert ptrack.pixel_url().endswith(".gif")
    site = set_up_wsgi(BASE, request)
    assert site.pixel_url().endswith("/")
    assert site.get("/ptrack/x").body == GIF
    # Without the option, only the URLconf can tell pixels from pages.
    site = set_up_wsgi({"secret": SECRET}, request)
    assert site.pixel_url().startswith("https://www.example.com/img/")
    assert site.pixel_url().endswith(".gif")
    assert site.get("/img/x.gif").status_code == 404


# -- bad values at start-up -----------------------------------------------------------

MIDDLEWARES = {
    "WSGI": wsgi.PtrackWSGIMiddleware,
    "ASGI": asgi.PtrackASGIMiddleware,
}
MIRRORS = {"WSGI": wsgi.mirror, "ASGI": asgi.mirror}


@pytest.mark.parametrize("mirror", MIRRORS.values(), ids=MIRRORS)
@pair({setting.name: BAD[setting.name] for setting in OPTIONS.values()})
def test_bad_option_is_an_error_with_the_hint(setting: Setting, value, mirror):
    options: Any = {"secret": SECRET, setting.option: value[0]}
    with pytest.raises(PtrackConfigurationError) as caught:
        mirror(**options)
    assert str(caught.value) == f"{setting.find_problem(value[0])}. {setting.hint}"


@pair(BAD)
def test_bad_setting_is_an_error_with_the_hint_when_django_starts(setting, value):
    with override_settings(**{setting.name: value[0]}):
        if setting.lenient:
            # A site of django-ptrack 3.0.0 may have it; its check complains.
            PtrackMiddleware(lambda request: HttpResponse())
            return
        with pytest.raises(ImproperlyConfigured) as caught:
            PtrackMiddleware(lambda request: HttpResponse())
    assert str(caught.value) == f"{setting.find_problem(value[0])}. {setting.hint}"


@pair(BAD)
def test_bad_setting_is_an_error_with_the_hint_when_it_is_read(setting, value):
    with (
        override_settings(**{setting.name: value[0]}),
        pytest.raises(ImproperlyConfigured) as caught,
    ):
        conf.get(setting.name)
    assert str(caught.value) == f"{setting.find_problem(value[0])}. {setting.hint}"


BAD_TEXTS = {
    "PTRACK_SECRET": "x" * 33,
    "PTRACK_SECRET_FALLBACKS": "x" * 33,
    "PTRACK_APP_URL": "www.example.com",
    "PTRACK_LINK_FALLBACK_URL": "/help/",
    "PTRACK_HONOUR_GPC": "maybe",
    "PTRACK_IMG_ATTRIBUTES": 'alt="',
    "PTRACK_TRUSTED_PROXIES": "10.0.0.1, *",
    "PTRACK_STATS_IP": "all",
    "PTRACK_PLACEHOLDERS": "[A-Z",
}


@pytest.mark.usefixtures("outside_django")
@pytest.mark.parametrize("name", BAD_TEXTS)
def test_bad_variable_is_an_error_with_the_hint(monkeypatch, name: str):
    monkeypatch.setenv(name, BAD_TEXTS[name])
    setting = BY_NAME[name]
    calls: tuple[Callable[[], Any], ...] = (
        wsgi.mirror,
        asgi.mirror,
        ptrack.pixel_url,
        lambda: conf.get(name),
    )
    for call in calls:
        with pytest.raises(PtrackConfigurationError) as caught:
            call()
        problem = setting.find_problem(setting.read(BAD_TEXTS[name]))
        assert str(caught.value) == f"{problem}. {setting.hint}"


@pytest.mark.parametrize("middleware", MIDDLEWARES.values(), ids=MIDDLEWARES)
@pytest.mark.parametrize(
    "options",
    [
        {"colour": "red"},
        {"colour": "red", "size": 1},
        {"trusted_proxies": ["10.0.0.1"]},
    ],
)
def test_unknown_option_is_a_type_error_that_names_it(middleware, options):
    names = ", ".join(options)
    with pytest.raises(TypeError, match=f"{middleware.__name__} has no option {names}"):
        middleware(None, secret=SECRET, **options)


def test_paste_deploy_s_unknown_option_is_a_type_error_that_names_it(request):
    with pytest.raises(TypeError, match="has no option colour"):
        set_up_paste({**BASE, "colour": "red"}, request)


# -- secrets --------------------------------------------------------------------------

OLD = "OLD-SECRET"
NEW = "NEW-SECRET"


def fail(call: Callable[[], Any]) -> BaseException:
    with pytest.raises(
        (TypeError, ValueError, ImportError, ImproperlyConfigured)
    ) as caught:
        call()
    return caught.value


FAILURES: dict[str, Callable[..., Any]] = {
    "WSGI": lambda **options: wsgi.PtrackWSGIMiddleware(None, **options),
    "ASGI": lambda **options: asgi.PtrackASGIMiddleware(None, **options),
    "mirror, WSGI": wsgi.mirror,
    "mirror, ASGI": asgi.mirror,
    "PasteDeploy": lambda secret, secret_fallbacks, **options: wsgi.filter_factory(
        {}, secret=secret, secret_fallbacks=json.dumps(secret_fallbacks), **options
    )(None),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize(
    "options",
    [
        {"secret": NEW * 4},
        {"secret_fallbacks": [OLD, OLD * 4]},
        {"app_url": "x"},
        {"background": "no.such.Engine"},
        {"pixels": "no_such_module"},
        {"colour": "red"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_no_frame_and_no_message_shows_a_secret(name: str, options: dict[str, Any]):
    given = {"secret": NEW, "secret_fallbacks": [OLD], **options}
    shown = show(fail(lambda: FAILURES[name](**given)))
    assert "ptrack.wrapper: " in shown
    assert NEW not in shown
    assert OLD not in shown


def test_no_frame_shows_a_secret_that_django_has(settings):
    settings.PTRACK_SECRET = NEW * 4
    settings.PTRACK_SECRET_FALLBACKS = [OLD]
    for call in (
        ptrack.pixel_url,
        ptrack.PtrackEncoder.encrypt,
        endpoints.start_django,
        lambda: conf.get("PTRACK_SECRET"),
        wsgi.mirror,
    ):
        shown = show(fail(call))
        assert re.search(r"^ptrack\.(conf|endpoints): ", shown, re.MULTILINE)
        assert NEW not in shown
        assert OLD not in shown


def show(error: BaseException) -> str:
    """Return what error trackers show of an error: ptrack's frames, the message."""
    frames = [
        f"{frame.f_globals['__name__']}: {frame.f_locals!r}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].partition(".")[0] == "ptrack"
    ]
    return "\n".join([*frames, repr(error)])


def test_no_repr_shows_a_secret():
    given: Any = {"secret": NEW, "secret_fallbacks": [OLD]}
    with override_settings(PTRACK_SECRET=NEW, PTRACK_SECRET_FALLBACKS=[OLD]):
        shown = [
            wsgi.PtrackWSGIMiddleware(None, **given),
            asgi.PtrackASGIMiddleware(None, **given),
            wsgi.filter_factory({}, secret=NEW, secret_fallbacks=OLD),
            conf.read_django(),
            conf.read_environment({"PTRACK_SECRET": NEW}),
            endpoints.get_django_endpoint(),
            endpoints.make_box_in_force(),
        ]
    for each in shown:
        assert NEW not in f"{each!r} {each!s}"
        assert OLD not in f"{each!r} {each!s}"


# -- reading the environment ----------------------------------------------------------


def test_empty_variable_is_the_same_as_none():
    found = conf.read_environment(dict.fromkeys(BY_NAME, ""))
    assert found == conf.read_environment({})
    assert [found.get(name) for name in BY_NAME] == [None] * len(BY_NAME)


def test_environment_with_other_values_is_another_configuration():
    found = conf.read_environment({})
    assert found == conf.read_environment({"UNRELATED": "1"})
    assert found != conf.read_environment({"PTRACK_PREFIX": "/p/"})
    assert found != "a configuration"


@pytest.mark.parametrize("text", ["maybe", "1", "yes"])
def test_other_text_than_true_or_false_is_kept_for_the_error(text: str):
    found = conf.read_environment({"PTRACK_HONOUR_GPC": text})
    assert found.get("PTRACK_HONOUR_GPC") == text


@pytest.mark.parametrize("text", ["1", "yes", "On", "all", "*"])
def test_switch_in_other_words_is_no_name_of_a_parameter(text: str):
    value = conf.parse_setting("PTRACK_LINK_QUERY", text)
    assert conf.find_problem("PTRACK_LINK_QUERY", value).endswith(f"not {text!r}")
    value = conf.parse_setting("PTRACK_LINK_QUERY", json.dumps([text]))
    assert value == (text,)
    assert conf.find_problem("PTRACK_LINK_QUERY", value) is None


@pytest.mark.usefixtures("outside_django")
def test_environment_is_read_at_each_use_and_an_endpoint_built_once(monkeypatch):
    token = ptrack.PtrackEncoder.encrypt(1)
    assert TokenBox(SECRET).decrypt(token) == ([1], {})
    assert ptrack.PtrackEncoder.decrypt(token) == ([1], {})
    endpoint = endpoints.get_environment_endpoint()
    assert endpoint is endpoints.get_environment_endpoint()
    assert endpoint.url(PIXEL, [], {}).startswith("https://env.example/ptrack/")
    monkeypatch.setenv("PTRACK_PREFIX", "/p/")
    assert endpoints.get_environment_endpoint().prefix == "/p/"
    assert conf.read().get("PTRACK_PREFIX") == conf.get("PTRACK_PREFIX") == "/p/"
    monkeypatch.delenv("PTRACK_SECRET")
    for call in (endpoints.get_environment_endpoint, ptrack.PtrackEncoder.encrypt):
        with pytest.raises(PtrackConfigurationError, match="PTRACK_SECRET is not set"):
            call()


# -- texts that another program reads in another way ----------------------------------


@pytest.mark.parametrize("text", ['"quoted"', "'quoted'"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_quotes_are_a_problem_of_every_setting(setting: Setting, text: str):
    problem = setting.find_problem(setting.read(text))
    assert problem is not None
    assert problem.startswith(f"{setting.name} has quotes around it")
    assert "quoted" not in problem


COMMENTS = ["value # since May", "value ; since May", "value #5", "# nothing"]


@pytest.mark.parametrize("text", COMMENTS)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_comment_is_a_problem_of_every_setting_but_secrets(setting: Setting, text: str):
    problem = setting.find_problem(setting.read(text))
    if setting.name in conf.SECRETS:
        assert problem is None
        return
    assert problem is not None
    assert problem.startswith(f"{setting.name} has a comment behind it")
    assert "May" not in problem


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
@pytest.mark.parametrize("around", [" {}", "{} ", "\t{}", "{}\n"])
def test_white_space_around_is_a_problem_of_a_secret_and_not_of_others(
    setting: Setting, around: str
):
    good, text = WRITTEN[setting.name][-1]
    found = setting.read(around.format(text))
    if setting.name in conf.SECRETS:
        problem = setting.find_problem(found)
        assert problem == (
            f"{setting.name} has white space around it, which would be a part of it: "
            "take it off"
        )
    else:
        assert found == good


@pytest.mark.parametrize("text", ["[hidden] ", " [hidden"])
def test_secret_that_begins_as_a_list_does_is_a_secret_all_the_same(text: str):
    assert conf.parse_setting("PTRACK_SECRET", "[a]") == "[a]"
    problem = conf.find_problem(
        "PTRACK_SECRET", conf.parse_setting("PTRACK_SECRET", text)
    )
    assert "would be a part of it" in problem


@pytest.mark.parametrize("name", conf.SECRETS)
@pytest.mark.parametrize("char", ["\ufeff", "\u200b", "\t", "\n", "\u202e", "\udcff"])
def test_character_that_nobody_sees_is_a_problem_of_a_secret(name: str, char: str):
    problem = conf.find_problem(name, conf.parse_setting(name, f"hidden{char}hidden"))
    assert problem == f"{name} has a character in it that can't be seen: take it out"


@pytest.mark.parametrize("text", [" ", "\n", " \t "])
def test_white_space_alone_is_the_same_as_none(text: str):
    assert [setting.read(text) for setting in SETTINGS] == [None] * len(SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        *('["hidden"', "[hidden]", "['hidden']", '["hidden",]', '["hidden"] x'),
        *('["hidden"] # old', "[", "[" * 100_000, '["hidden" "hidden"]'),
        '["hidden\n"]',
    ],
)
@pytest.mark.parametrize(
    "name", ["PTRACK_SECRET_FALLBACKS", "PTRACK_TRUSTED_PROXIES", "PTRACK_LINK_QUERY"]
)
def test_bad_json_list_is_a_problem_that_does_not_show_it(name: str, text: str):
    problem = conf.find_problem(name, conf.parse_setting(name, text))
    assert problem == (
        f'{name} starts with "[" and isn\'t a JSON list, such as ["…", "…"]'
    )


@pytest.mark.usefixtures("outside_django")
@pytest.mark.parametrize("text", ['[["hidden"]]', '["x", {"hidden": 1}]', "[null]"])
@pytest.mark.parametrize(
    "name", ["PTRACK_SECRET_FALLBACKS", "PTRACK_TRUSTED_PROXIES", "PTRACK_LINK_QUERY"]
)
def test_json_list_of_something_else_than_texts_is_a_problem_that_does_not_show_it(
    monkeypatch, name: str, text: str
):
    monkeypatch.setenv(name, text)
    message = f"^{name} has something else than texts in its JSON list\\. [A-Z]"
    with pytest.raises(PtrackConfigurationError, match=message) as caught:
        ptrack.pixel_url()
    assert "hidden" not in str(caught.value)


@pytest.mark.usefixtures("outside_django")
@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("older,oldest", ["older,oldest"]),
        ("older oldest", ["older oldest"]),
        ("a;b", ["a;b"]),
        ('["older,oldest", "old est"]', ["older,oldest", "old est"]),
        ('[" [x]"]', [" [x]"]),
    ],
)
def test_fallback_is_never_split(monkeypatch, text: str, opens: list[str]):
    monkeypatch.setenv("PTRACK_SECRET_FALLBACKS", text)
    mirror = wsgi.mirror()
    parts = {part for part in re.split(r"[,;\s]+", text) if part not in opens}
    for secret in opens:
        url = f"{HOST}/ptrack/{TokenBox(secret).encrypt('a')}/"
        assert mirror.read_url(url) is not None
    for secret in parts:
        url = f"{HOST}/ptrack/{TokenBox(secret[:32]).encrypt('a')}/"
        assert mirror.read_url(url) is None


@pytest.mark.usefixtures("outside_django")
def test_two_secrets_in_one_text_are_an_error(monkeypatch):
    monkeypatch.setenv("PTRACK_SECRET_FALLBACKS", f"{'a' * 32},{'b' * 32}")
    with pytest.raises(PtrackConfigurationError, match=r"must be at most 32 .* JSON"):
        wsgi.mirror()


@override_settings(PTRACK_APP_URL=conf.parse_setting("PTRACK_APP_URL", '"https://h"'))
def test_text_that_cannot_be_read_stops_django_where_a_bad_value_would_not():
    with pytest.raises(ImproperlyConfigured, match="PTRACK_APP_URL has quotes"):
        PtrackMiddleware(lambda request: HttpResponse())


# -- names that are none --------------------------------------------------------------


def test_variables_that_look_like_a_setting_are_named_with_the_one_that_was_meant():
    names = {
        "PTRACK_SECRT": "PTRACK_SECRET",
        "PTRACK_SECRETS": "PTRACK_SECRET",
        "ptrack_secret": "PTRACK_SECRET",
        "PTRACK_FALLBACKS": "PTRACK_SECRET_FALLBACKS",
        "PTRACK_HONOR_GPC": "PTRACK_HONOUR_GPC",
        "PTRACK_URL": "PTRACK_APP_URL",
        "PTRAK_PREFIX": "PTRACK_PREFIX",
        "PTRACKSECRET": "PTRACK_SECRET",
        "PTRACK_PIXELS": None,
        "PTRACK_": None,
    }
    others = ["PATH", "PTRACKER_HOME", "TRACK_SECRET", "P", "PTRACK_SECRET"]
    assert conf.find_unknown_variables([*names, *others]) == names


def test_variables_that_kubernetes_sets_for_a_service_named_ptrack_are_left_alone():
    names = [
        *("PTRACK_SERVICE_HOST", "PTRACK_SERVICE_PORT", "PTRACK_SERVICE_PORT_HTTP"),
        *("PTRACK_PORT", "PTRACK_PORT_80_TCP", "PTRACK_PORT_80_TCP_ADDR"),
        *("PTRACK_MIRROR_SERVICE_HOST", "PTRACK_MIRROR_PORT_80_TCP_PROTO"),
    ]
    assert conf.find_unknown_variables(names) == {}


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("honor_gpc", "honour_gpc"),
        ("Secret", "secret"),
        ("PTRACK_SECRET", "secret"),
        ("secret_fallback", "secret_fallbacks"),
        ("pixel", "pixels"),
    ],
)
@pytest.mark.parametrize("source", ["WSGI", "ASGI", "PasteDeploy"])
def test_option_that_was_meant_is_named(source, wrong, meant, request):
    options = {**BASE, "pixels": "", wrong: "hidden"}
    with pytest.raises(TypeError, match=rf"has no option {wrong} \({meant} is one\)$"):
        SOURCES[source](options, request)


# -- secrets that everyone knows ------------------------------------------------------

PUBLIC = [
    "your secret of 32 random letters",
    "your_secret_of_32_random_letters",
    "the new secret of 32 characters.",
    "the old secret",
    "the-demo-secret-known-to-anyone!",
]


@pytest.mark.parametrize("secret", [*PUBLIC, PUBLIC[0].encode(), "the old secret{"])
@pytest.mark.parametrize("source", ["WSGI", "ASGI", "PasteDeploy"])
def test_secret_that_the_documentation_has_shown_is_an_error(source, secret, request):
    if isinstance(secret, bytes) and source == "PasteDeploy":
        secret = secret.decode()
    for name in ("secret", "secret_fallbacks"):
        text = json.dumps([secret]) if source == "PasteDeploy" else [secret]
        given = {name: secret if name == "secret" else text}
        with pytest.raises(PtrackConfigurationError, match="has shown it") as caught:
            SOURCES[source]({**BASE, **given}, request)
        assert str(secret) not in str(caught.value)


@pytest.mark.parametrize("secret", PUBLIC)
def test_secret_that_the_documentation_has_shown_stops_django(secret: str):
    for settings in ({"PTRACK_SECRET": secret}, {"PTRACK_SECRET_FALLBACKS": [secret]}):
        with override_settings(**settings), pytest.raises(ImproperlyConfigured):
            endpoints.start_django()
        with override_settings(**settings), pytest.raises(ImproperlyConfigured):
            ptrack.PtrackEncoder.encrypt()


# -- building an endpoint -------------------------------------------------------------


class Custom:
    """An encoder of a project's own."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return "token"

    @staticmethod
    def decrypt(token: str) -> Any:
        return [], {}


def test_endpoint_without_a_secret_is_an_error():
    with pytest.raises(PtrackConfigurationError, match="PTRACK_SECRET is not set"):
        endpoints.build(Configuration({}))


def test_encoder_that_is_given_needs_no_secret():
    endpoint = endpoints.build(Configuration({"PTRACK_APP_URL": HOST}), encoder=Custom)
    assert endpoint.url(PIXEL, [], {}) == f"{HOST}/ptrack/token/"
    with pytest.raises(PtrackConfigurationError, match="tracked links need one"):
        endpoint.url(LINK, [], {}, "https://target.example/")


def test_encoder_that_is_given_needs_good_fallbacks_all_the_same():
    with pytest.raises(PtrackConfigurationError, match="FALLBACKS must be a list"):
        endpoints.build(Configuration({"PTRACK_SECRET_FALLBACKS": "x"}), encoder=Custom)


def test_encoder_that_is_assigned_is_used_from_then_on():
    values = {"PTRACK_SECRET": SECRET, "PTRACK_APP_URL": HOST}
    endpoint = endpoints.build(Configuration(values))
    assert endpoint.url(PIXEL, [], {}) != f"{HOST}/ptrack/token/"
    ptrack.ptrack_encoder = Custom
    assert endpoint.url(PIXEL, [], {}) == f"{HOST}/ptrack/token/"


# -- Django's settings ----------------------------------------------------------------


def test_django_is_recognised_by_its_settings_or_by_the_environment(
    monkeypatch, outside_django
):
    assert not conf.uses_django()
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    assert conf.uses_django()


def test_django_is_recognised_by_settings_that_are_configured_in_code():
    code = (
        "from ptrack import conf; print(conf.uses_django())\n"
        "from django.conf import settings; print(conf.uses_django())\n"
        "settings.configure(PTRACK_SECRET='s'); print(conf.uses_django())\n"
        "print(conf.get_settings_module())"
    )
    assert run_python(code).split() == ["False", "False", "True", "None"]


@pytest.mark.parametrize(
    ("urlconf", "place", "shared"),
    [
        ("tests.urlconfs.empty", ("/ptrack/", "/"), False),
        ("tests.urlconfs.included", ("/ptrack/", "/"), False),
        ("tests.urlconfs.track", ("/track/", "/"), False),
        ("tests.urlconfs.nested", ("/a/b ü/", "/"), False),
        ("tests.urlconfs.root", ("/", "/"), True),
        ("ptrack.urls", ("/", "/"), True),
        ("tests.urlconfs.localised", ("/en-us/track/", "/"), False),
        ("tests.urlconfs.namespaced", ("/ptrack/", "/"), False),
        ("tests.urlconfs.own_view", ("/img/", ".gif"), True),
        ("tests.urlconfs.broken", ("/ptrack/", "/"), False),
        ("tests.urlconfs.missing", ("/ptrack/", "/"), False),
    ],
)
def test_prefix_is_the_place_of_the_include(urlconf, place, shared):
    with override_settings(ROOT_URLCONF=urlconf):
        endpoint = endpoints.get_django_endpoint()
    assert (endpoint.prefix, endpoint.suffix) == place
    assert endpoint.shared is shared


def test_place_is_the_same_whatever_request_is_at_hand():
    set_script_prefix("/mounted/")
    try:
        with (
            translation.override("de"),
            override_settings(ROOT_URLCONF="tests.urlconfs.localised"),
        ):
            find_place.cache_clear()
            assert endpoints.get_django_endpoint().prefix == "/en-us/track/"
            assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")


@override_settings(ROOT_URLCONF="tests.urlconfs.localised")
def test_place_below_a_language_is_below_the_site_s_own_language():
    assert endpoints.get_django_endpoint().prefix == "/en-us/track/"
    with override_settings(LANGUAGE_CODE="de"):
        assert endpoints.get_django_endpoint().prefix == "/de/track/"


@override_settings(ROOT_URLCONF="tests.urlconfs.root", PTRACK_PREFIX="/")
def test_prefix_that_is_set_is_not_shared_even_at_the_root():
    assert not endpoints.get_django_endpoint().shared


def test_site_without_a_urlconf_has_the_default_prefix(settings):
    del settings.ROOT_URLCONF
    assert endpoints.get_django_endpoint().prefix == conf.DEFAULT_PREFIX == "/ptrack/"


@pytest.mark.parametrize("urlconf", ["track", "broken"])
def test_place_is_searched_once_and_not_for_each_url(urlconf: str, caplog):
    with override_settings(ROOT_URLCONF=f"tests.urlconfs.{urlconf}"):
        find_place.cache_clear()
        for _ in range(5):
            ptrack.pixel_url()
    assert find_place.cache_info().misses == 1
    assert find_place.cache_info().hits == 0


@override_settings(ROOT_URLCONF="tests.urlconfs.broken")
def test_urlconf_that_cannot_be_imported_is_logged_once_with_its_reason(caplog):
    for _ in range(3):
        ptrack.pixel_url()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("ptrack", "WARNING")
    assert "tests.urlconfs.broken can't be imported" in record.getMessage()
    assert "this URLconf is broken" in caplog.text


@override_settings(ROOT_URLCONF="tests.urlconfs.itself")
def test_urlconf_that_makes_a_pixel_while_it_is_imported_fixes_no_wrong_place():
    sys.modules.pop("tests.urlconfs.itself", None)
    from tests.urlconfs import itself

    assert "/ptrack/" in itself.EARLY
    assert ptrack.pixel_url().startswith("https://www.example.com/track/")


def test_endpoint_is_built_once_for_each_set_of_values():
    before = endpoints.get_django_endpoint()
    assert endpoints.get_django_endpoint() is before
    with override_settings(PTRACK_PREFIX="/other/"):
        assert endpoints.get_django_endpoint().prefix == "/other/"
    assert endpoints.get_django_endpoint() is not before
    before = endpoints.get_django_endpoint()
    with override_settings(DEBUG=True):
        assert endpoints.get_django_endpoint() is before


def test_setting_that_another_thread_overrides_meanwhile_is_not_missed():
    """The endpoint was built of the old value, and isn't kept."""
    later = override_settings(PTRACK_PREFIX="/later/")

    class Prefix(str):
        """A prefix that another thread overrides while it is being used."""

        def strip(self, chars: str | None = None) -> str:
            with ThreadPoolExecutor() as pool:
                pool.submit(later.enable).result()
            return super().strip(chars)

    with override_settings(PTRACK_PREFIX=Prefix("/first/")):
        try:
            assert endpoints.get_django_endpoint().prefix == "/first/"
            assert endpoints.get_django_endpoint().prefix == "/later/"
        finally:
            later.disable()


def test_engine_that_is_not_installed_is_improperly_configured_for_django(settings):
    settings.PTRACK_BACKGROUND = "no.such.Engine"
    with pytest.raises(ImproperlyConfigured, match=r"no\.such\.Engine can't be imp"):
        endpoints.start_django()


def test_setting_of_any_name_is_read_from_django(settings):
    settings.PTRACK_STATS_KEY = "recipient"
    assert conf.get_django("ROOT_URLCONF") == "tests.urlconfs.empty"
    assert conf.get_django("NO_SUCH_SETTING") is None
    assert conf.get("PTRACK_STATS_KEY") == "recipient"
    assert conf.get("PTRACK_STATS_IP") is None


# -- trusted proxies ------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple, set, dict.fromkeys])
def test_trusted_proxies_may_be_any_collection(kind, settings):
    settings.PTRACK_TRUSTED_PROXIES = kind([ip_network("10.0.0.0/8"), "unix:"])
    assert set(conf.get("PTRACK_TRUSTED_PROXIES")) == {
        ip_network("10.0.0.0/8"),
        "unix:",
    }
