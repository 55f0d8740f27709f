"""ptrack.core.endpoint: arguments to a URL, and a path and a method to an answer."""

import asyncio
import logging
from typing import Any

import pytest

from ptrack.core.answers import METHOD_NOT_ALLOWED, PIXEL, PIXEL_HEAD
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint, normal_prefix
from ptrack.core.tokens import MAX_TOKEN_LENGTH, PtrackEncoder, TokenBox
from ptrack.exceptions import PtrackConfigurationError
from tests.recording import registered

SECRET = "s" * 32
HOST = "https://h.example"


def endpoint(**options: Any) -> Endpoint:
    given = {
        "encoder": lambda: PtrackEncoder,
        "tracker": Tracker(),
        "prefix": "/ptrack/",
        "app_url": HOST,
    }
    return Endpoint(TokenBox(SECRET), **(given | options))


class Plain:
    """An encoder of a project's own, whose tokens need quoting."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return f"<{','.join(args)}>"

    @staticmethod
    def decrypt(token: str) -> Any:
        if not token.startswith("<"):
            raise KeyError(token)
        return token.strip("<>").split(","), {}


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("/ptrack/", "/ptrack/"),
        ("ptrack", "/ptrack/"),
        ("/a/b", "/a/b/"),
        ("//a//", "/a/"),
        ("/", "/"),
        ("", "/"),
    ],
)
def test_prefix_gets_one_slash_on_each_side(given, normal):
    assert normal_prefix(given) == normal


def test_prefix_that_is_no_text_is_refused():
    with pytest.raises(PtrackConfigurationError, match="must be str, not int"):
        normal_prefix(1)


# -- rendering ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "mount", "start"),
    [
        ({}, "/", "https://h.example/ptrack/"),
        ({"app_url": HOST + "//"}, "/", "https://h.example/ptrack/"),
        ({"app_url": HOST + "/at"}, "/", "https://h.example/at/ptrack/"),
        ({}, "/mounted/", "https://h.example/mounted/ptrack/"),
        ({}, "/ü b", "https://h.example/%C3%BC%20b/ptrack/"),
        ({"prefix": "/"}, "/", "https://h.example/"),
        ({"prefix": "ü?"}, "/", "https://h.example/%C3%BC%3F/"),
    ],
)
def test_url_is_app_url_mount_prefix_and_token(options, mount, start):
    place = endpoint(**options)
    url = place.url(["a"], {"k": 1}, mount)
    assert url.startswith(start)
    assert url.endswith("/")
    token = url.removeprefix(start)[:-1]
    assert TokenBox(SECRET).decrypt(token) == (["a"], {"k": 1})


def test_tag_holds_the_url():
    tag = endpoint().tag([], {})
    assert tag.startswith('<img src="https://h.example/ptrack/')
    assert tag.endswith('/" width=1 height=1>')


def test_url_without_an_app_url_says_what_to_set():
    with pytest.raises(PtrackConfigurationError, match="PTRACK_APP_URL is not set"):
        endpoint(app_url="").url([], {})


def test_long_url_is_warned_of_with_its_length_and_without_its_token(caplog):
    place = endpoint()
    url = place.url(["x" * 2000], {})
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("ptrack", logging.WARNING)
    assert str(len(url)) in record.getMessage()
    assert url[30:60] not in caplog.text


def test_url_that_is_short_enough_is_not_warned_of(caplog):
    assert len(endpoint().url(["x" * 1400], {})) <= 2000
    assert not caplog.records


def test_token_of_another_encoder_is_quoted_and_bounded():
    place = endpoint(encoder=lambda: Plain)
    assert place.url(["a b", "ü/c"], {}) == HOST + "/ptrack/%3Ca%20b,%C3%BC/c%3E/"
    with pytest.raises(ValueError, match="8001 characters"):
        place.url(["x" * (8001 - 6)], {})


def test_suffix_of_the_site_ends_the_url():
    assert endpoint(suffix=".gif").url([], {}).endswith(".gif")


@pytest.mark.parametrize("mount", ["/", "/mounted/"])
def test_urls_that_it_made_are_its_own_whatever_their_scheme_and_case(mount):
    place = endpoint()
    for made in (place.url("a", {}, mount), place.link(HOST, "a", {}, mount)):
        assert place.owns(made, mount)
        assert place.owns(made.replace("https://h.example", "HTTP://H.Example"), mount)
        assert not place.owns(made.replace("h.example", "other.example"), mount)
        assert not place.owns(made, "/elsewhere/")


@pytest.mark.parametrize("url", [HOST, f"{HOST}/page/", "/ptrack/x/", "ptrack", ""])
def test_other_urls_are_not_its_own(url):
    assert not endpoint().owns(url)
    assert not endpoint(app_url="").owns(url)


def test_at_a_shared_place_its_own_are_those_with_a_token():
    place = endpoint(prefix="/", shared=True)
    assert place.owns(place.url("a", {}))
    assert place.owns(place.link(HOST, "a", {}))
    assert not place.owns(f"{HOST}/page/")
    assert not place.owns(f"{HOST}/{'x' * 60}/")


# -- opening --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/ptrack/abc/", "abc"),
        ("/ptrack/abc", "abc"),
        ("/ptrack/abc//", "abc/"),
        ("/ptrack/a/b/", "a/b"),
        ("/ptrack//", ""),
        ("/ptrack/", ""),
        ("/ptrack", None),
        ("/ptracker/abc/", None),
        ("/Ptrack/abc/", None),
        ("//ptrack/abc/", None),
        ("/", None),
        ("", None),
        ("ptrack/abc/", None),
    ],
)
def test_path_under_the_prefix_holds_a_token_and_any_other_is_the_apps(path, token):
    assert endpoint().match(path) == token


@pytest.mark.parametrize("slash", ["", "/"])
def test_token_is_cut_only_where_it_is_too_long_anyway(slash):
    longest = "A" * MAX_TOKEN_LENGTH
    assert endpoint().match(f"/ptrack/{longest}{slash}") == longest
    for longer in (longest + "A", longest + "/A", longest * 9, longest + "////"):
        cut = endpoint().match(f"/ptrack/{longer}{slash}")
        assert cut is not None
        assert MAX_TOKEN_LENGTH < len(cut) <= MAX_TOKEN_LENGTH + 7


def wsgi(path: str) -> str:
    return path.encode().decode("latin-1")


@pytest.mark.parametrize("prefix", ["/ptrack/", "/ü/🙂/", "/"])
@pytest.mark.parametrize("token", ["", "abc", "a/b/", "ü", "🙂" * 2000])
@pytest.mark.parametrize("slash", ["", "/"])
def test_path_of_wsgi_holds_the_same_token(prefix, token, slash):
    place = endpoint(prefix=prefix)
    path = f"{prefix}{token}{slash}"
    assert place.match_wsgi(wsgi(path)) == place.match(path)
    assert place.match_wsgi(f"x{path}") is place.match(f"x{path}") is None


def test_token_of_wsgi_that_has_too_many_bytes_is_too_long():
    cut = endpoint().match_wsgi(wsgi("/ptrack/" + "ü" * MAX_TOKEN_LENGTH))
    assert cut is not None
    assert MAX_TOKEN_LENGTH < len(cut) <= MAX_TOKEN_LENGTH + 7


@pytest.mark.parametrize("path", ["/ptrack/\xff\xfe/", "/ptrack/\u20ac/", "/\ud800"])
def test_path_of_wsgi_that_is_no_utf_8_is_no_error(path):
    assert endpoint(prefix="/ptrack/").match_wsgi(path) in (None, "\ufffd" * 2, "?")


def test_prefix_can_be_the_whole_host():
    assert endpoint(prefix="/").match("/abc/") == "abc"
    assert endpoint(prefix="/").match("/") == ""


def test_shared_place_is_left_to_the_sites_routing():
    place = endpoint(prefix="/", shared=True)
    assert place.match("/abc/") is place.match_wsgi("/abc/") is None


def sync_answer(place: Endpoint, method: str, token: str) -> Any:
    return place.answer(method, token, lambda: "request")


def async_answer(place: Endpoint, method: str, token: str) -> Any:
    return asyncio.run(place.aanswer(method, token, lambda: "request"))


either_way = pytest.mark.parametrize("answer", [sync_answer, async_answer])


@either_way
def test_valid_token_records_and_gets_the_pixel(answer):
    place = endpoint()
    with registered(place.tracker) as recorder:
        assert answer(place, "GET", TokenBox(SECRET).encrypt("a", k=1)) is PIXEL
        assert answer(place, "get", TokenBox(SECRET).encrypt()) is PIXEL
    assert recorder.hits == [(("a",), {"k": 1}), ((), {})]
    assert recorder.requests == ["request", "request"]


@either_way
@pytest.mark.parametrize(
    "token",
    ["", "garbage", "ü", "A" * 60_000, TokenBox("other").encrypt("a")],
    ids=["empty", "garbage", "umlaut", "overlong", "forged"],
)
def test_any_other_token_gets_the_same_pixel_and_records_nothing(answer, token, caplog):
    place = endpoint()
    with registered(place.tracker) as recorder:
        assert answer(place, "GET", token) is PIXEL
    assert not recorder.hits
    assert all(record.levelno == logging.DEBUG for record in caplog.records)
    assert not token or token not in caplog.text


@either_way
@pytest.mark.parametrize(
    "token", ["garbage", TokenBox(SECRET).encrypt("a")], ids=["garbage", "valid"]
)
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("HEAD", PIXEL_HEAD),
        ("POST", METHOD_NOT_ALLOWED),
        ("OPTIONS", METHOD_NOT_ALLOWED),
        ("", METHOD_NOT_ALLOWED),
        ("ÜBER\n", METHOD_NOT_ALLOWED),
    ],
)
def test_other_methods_record_nothing(answer, token, method, expected):
    place = endpoint()
    with registered(place.tracker) as recorder:
        assert answer(place, method, token) is expected
    assert not recorder.hits


@either_way
def test_whatever_another_encoder_raises_means_not_ours(answer, caplog):
    place = endpoint(encoder=lambda: Plain)
    with registered(place.tracker) as recorder:
        assert answer(place, "GET", "<a,b>") is PIXEL
        assert answer(place, "GET", "secret-token") is PIXEL
        assert answer(place, "GET", "<" * 8001) is PIXEL
    assert recorder.hits == [(("a", "b"), {})]
    assert "KeyError" in caplog.text
    assert "secret-token" not in caplog.text


def test_encoder_is_looked_up_at_each_use():
    current: list[Any] = [PtrackEncoder]
    place = endpoint(encoder=lambda: current[0])
    before = place.url(["a"], {})
    current[0] = Plain
    assert place.url(["a"], {}) == HOST + "/ptrack/%3Ca%3E/"
    assert before != place.url(["a"], {})


# -- reading --------------------------------------------------------------------------

TARGET = "https://shop.example/"


@pytest.mark.parametrize("mount", ["/", "/at/", "/ptrack/ptrack"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prefix": "/"},
        {"prefix": "/ü x/"},
        {"suffix": ""},
        {"suffix": "/ü.gif", "shared": True},
        {"app_url": "localhost"},
        {"app_url": HOST + "/shop"},
    ],
)
def test_url_that_was_made_can_be_read(mount, options):
    place = endpoint(**options)
    path = place.url(["a"], {"k": 1}, mount)
    assert place.carried_by(path)[:3] == (None, ("a",), {"k": 1})
    path = place.link(TARGET, ["a"], {"k": 1}, mount)
    assert place.carried_by(path)[:3] == (TARGET, ("a",), {"k": 1})


@pytest.mark.parametrize("prefix", ["/ptrack/", "/ü x/"])
def test_reading_gives_the_path_below_the_mount(prefix):
    place = endpoint(prefix=prefix, app_url=HOST + "/shop")
    carried = place.carried_by(place.url([], {}, "/at/"))
    assert carried.path.startswith(prefix)
    assert place.match(carried.path)


def test_what_a_mail_provider_appended_does_not_keep_a_url_from_being_read():
    place = endpoint()
    assert place.carried_by(place.url(["a"], {}) + "?utm_source=mail#x").args == ("a",)


def test_token_of_another_encoder_is_read():
    place = endpoint(encoder=lambda: Plain)
    assert place.carried_by(place.url(["a", "b"], {})).args == ("a", "b")
    assert place.carried_by(place.link(TARGET, ["a"], {})).target == TARGET


@pytest.mark.parametrize(
    "url",
    [
        "",
        HOST,
        HOST + "/ptrack/",
        HOST + "/ptrack/garbage/",
        HOST + "/ptrack/link/garbage/",
        HOST + "/other/garbage/",
        "https://[/ptrack/x/",
    ],
)
def test_what_carries_nothing_reads_as_nothing(url):
    assert endpoint().carried_by(url) is None


def test_reading_records_nothing():
    place = endpoint()
    with registered(place.tracker) as recorder:
        place.carried_by(place.url([], {}))
    assert not recorder.hits


def test_endpoint_does_not_show_its_secret():
    assert SECRET not in repr(endpoint())
    assert SECRET not in str(vars(endpoint()))
