"""ptrack.core.endpoint: arguments to a URL, and a path and a method to an answer."""

import base64
import logging
from types import MappingProxyType
from typing import Any

import pytest

import ptrack
from ptrack.core.answers import LINK_NOT_FOUND, PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import LONG_URL, Carried, Endpoint, make_tag, normalise_prefix
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import MAX_TOKEN_LENGTH, TokenBox
from ptrack.exceptions import PtrackConfigurationError
from tests.core.endpoints import (
    BOX,
    HOST,
    SECRET,
    CommaEncoder,
    Request,
    both_encoders,
    either_way,
    make_endpoint,
)
from tests.recording import register_clicks, register_recorder
from tests.reference import make_link_key, seal, spell

TARGET = "https://shop.example/"


class BracketEncoder(CommaEncoder):
    """A custom encoder whose tokens need quoting, and that refuses all others."""

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
    assert normalise_prefix(given) == normal


def test_prefix_that_is_no_text_is_refused():
    with pytest.raises(PtrackConfigurationError, match="must be str, not int"):
        normalise_prefix(1)


# -- rendering ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "mount", "start"),
    [
        ({}, "/", "https://www.example.com/ptrack/"),
        ({"app_url": HOST + "//"}, "/", "https://www.example.com/ptrack/"),
        ({"app_url": HOST + "/at"}, "/", "https://www.example.com/at/ptrack/"),
        ({}, "/mounted/", "https://www.example.com/mounted/ptrack/"),
        ({}, "/ü b", "https://www.example.com/%C3%BC%20b/ptrack/"),
        ({"prefix": "/"}, "/", "https://www.example.com/"),
        ({"prefix": "ü?"}, "/", "https://www.example.com/%C3%BC%3F/"),
    ],
)
def test_url_is_app_url_mount_prefix_and_token(options, mount, start):
    place = make_endpoint(**options)
    url = place.url(PIXEL, ["a"], {"k": 1}, mount=mount)
    assert url.startswith(start)
    assert url.endswith("/")
    token = url.removeprefix(start)[:-1]
    assert BOX.decrypt(token) == (["a"], {"k": 1})


def test_tag_holds_the_url():
    url = "https://h.example/a&b'/ptrack/token/"
    escaped = "https://h.example/a&amp;b&#x27;/ptrack/token/"
    assert make_tag(url, 'alt=""') == f'<img src="{escaped}" alt="">'
    assert make_tag(url, "") == f'<img src="{escaped}">'


def test_error_without_an_app_url_names_the_setting():
    with pytest.raises(PtrackConfigurationError, match="PTRACK_APP_URL is not set"):
        make_endpoint(app_url="").url(PIXEL, [], {})


def test_long_url_is_warned_of_with_its_length_and_without_its_token(caplog):
    place = make_endpoint()
    url = place.url(PIXEL, ["x" * 2000], {})
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("ptrack", logging.WARNING)
    assert str(len(url)) in record.getMessage()
    assert url[30:60] not in caplog.text


def test_url_that_is_short_enough_is_not_warned_of(caplog):
    assert len(make_endpoint().url(PIXEL, ["x" * 1400], {})) <= 2000
    assert not caplog.records


def test_short_url_has_at_most_the_characters_that_are_not_warned_of():
    lengths = set()
    # A token's length is a multiple of four.
    for number in range(5):
        place = make_endpoint(app_url=f"{HOST}/{'a' * number}")
        url = place.url(PIXEL, ["x" * 1400], {})
        for more in range(4):
            args = ["x" * (1400 + (LONG_URL - len(url)) * 3 // 4 + more)]
            length = len(place.url(PIXEL, args, {}))
            lengths.add(length)
            found = place.short_url(PIXEL, args, {})
            assert (None if found is None else len(found)) == (
                length if length <= LONG_URL else None
            )
    assert {LONG_URL, LONG_URL + 1} <= lengths


def test_short_url_is_none_and_silent_where_the_url_would_be_long(caplog):
    place = make_endpoint()
    assert place.short_url(PIXEL, ["x" * 2000], {}) is None
    url = place.short_url(LINK, ["x"], {}, TARGET, "/at/")
    assert url is not None
    assert url.startswith(f"{HOST}/at/ptrack/link/")
    assert place.read_url(url)[1].target == TARGET
    assert not caplog.records


def test_token_of_another_encoder_is_quoted_and_bounded():
    place = make_endpoint(BracketEncoder)
    assert (
        place.url(PIXEL, ["a b", "ü/c"], {}) == HOST + "/ptrack/%3Ca%20b,%C3%BC/c%3E/"
    )
    with pytest.raises(ValueError, match="8001 characters"):
        place.url(PIXEL, ["x" * (8001 - 6)], {})


def test_suffix_of_the_site_ends_the_url():
    assert make_endpoint(suffix=".gif").url(PIXEL, [], {}).endswith(".gif")


@pytest.mark.parametrize("mount", ["/", "/mounted/"])
def test_urls_that_it_made_are_its_own_whatever_their_scheme_and_case(mount):
    place = make_endpoint()
    for made in (
        place.url(PIXEL, "a", {}, mount=mount),
        place.url(LINK, "a", {}, TARGET, mount),
    ):
        assert place.owns(made, mount)
        assert place.owns(
            made.replace("https://www.example.com", "HTTP://WWW.Example.com"), mount
        )
        assert not place.owns(made.replace("www.example.com", "other.example"), mount)
        assert not place.owns(made, "/elsewhere/")


@pytest.mark.parametrize("url", [HOST, f"{HOST}/page/", "/ptrack/x/", "ptrack", ""])
def test_other_urls_are_not_its_own(url):
    assert not make_endpoint().owns(url)
    assert not make_endpoint(app_url="").owns(url)


def test_at_a_shared_place_its_own_are_those_with_a_token():
    place = make_endpoint(prefix="/", shared=True)
    assert place.owns(place.url(PIXEL, "a", {}))
    assert place.owns(place.url(LINK, "a", {}, TARGET))
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
    assert make_endpoint().match(path) == token


@pytest.mark.parametrize("slash", ["", "/"])
def test_token_is_cut_only_where_it_is_too_long_anyway(slash):
    longest = "A" * MAX_TOKEN_LENGTH
    assert make_endpoint().match(f"/ptrack/{longest}{slash}") == longest
    for longer in (longest + "A", longest + "/A", longest * 9, longest + "////"):
        cut = make_endpoint().match(f"/ptrack/{longer}{slash}")
        assert cut is not None
        assert MAX_TOKEN_LENGTH < len(cut) <= MAX_TOKEN_LENGTH + 7


def wsgi(path: str) -> str:
    return path.encode().decode("latin-1")


@pytest.mark.parametrize("prefix", ["/ptrack/", "/ü/🙂/", "/"])
@pytest.mark.parametrize("token", ["", "abc", "a/b/", "ü", "🙂" * 2000])
@pytest.mark.parametrize("slash", ["", "/"])
def test_path_of_wsgi_holds_the_same_token(prefix, token, slash):
    place = make_endpoint(prefix=prefix)
    path = f"{prefix}{token}{slash}"
    assert place.match_wsgi(wsgi(path)) == place.match(path)
    assert place.match_wsgi(f"x{path}") is place.match(f"x{path}") is None


def test_token_of_wsgi_that_has_too_many_bytes_is_too_long():
    cut = make_endpoint().match_wsgi(wsgi("/ptrack/" + "ü" * MAX_TOKEN_LENGTH))
    assert cut is not None
    assert MAX_TOKEN_LENGTH < len(cut) <= MAX_TOKEN_LENGTH + 7


@pytest.mark.parametrize("path", ["/ptrack/\xff\xfe/", "/ptrack/\u20ac/", "/\ud800"])
def test_path_of_wsgi_that_is_no_utf_8_is_no_error(path):
    assert make_endpoint(prefix="/ptrack/").match_wsgi(path) in (
        None,
        "\ufffd" * 2,
        "?",
    )


def test_prefix_can_be_the_whole_host():
    assert make_endpoint(prefix="/").match("/abc/") == "abc"
    assert make_endpoint(prefix="/").match("/") == ""


def test_shared_place_is_left_to_the_sites_routing():
    place = make_endpoint(prefix="/", shared=True)
    assert place.match("/abc/") is place.match_wsgi("/abc/") is None


@either_way
def test_valid_token_records_and_gets_the_pixel(answer):
    place = make_endpoint()
    with register_recorder(place.tracker) as recorder:
        assert answer(place, "GET", BOX.encrypt("a", k=1)) is PIXEL_IMAGE
        assert answer(place, "get", BOX.encrypt()) is PIXEL_IMAGE
    assert recorder.hits == [(("a",), {"k": 1}), ((), {})]
    assert recorder.requests == ["request", "request"]


@either_way
@pytest.mark.parametrize(
    "token",
    ["", "garbage", "ü", "A" * 60_000, TokenBox("other").encrypt("a")],
    ids=["empty", "garbage", "umlaut", "overlong", "forged"],
)
def test_any_other_token_gets_the_same_pixel_and_records_nothing(answer, token, caplog):
    place = make_endpoint()
    with register_recorder(place.tracker) as recorder:
        assert answer(place, "GET", token) is PIXEL_IMAGE
    assert not recorder.hits
    assert all(record.levelno == logging.DEBUG for record in caplog.records)
    assert not token or token not in caplog.text


@either_way
@pytest.mark.parametrize(
    "token", ["garbage", BOX.encrypt("a")], ids=["garbage", "valid"]
)
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("HEAD", PIXEL.answers["HEAD"]),
        ("POST", PIXEL.not_allowed),
        ("OPTIONS", PIXEL.not_allowed),
        ("", PIXEL.not_allowed),
        ("ÜBER\n", PIXEL.not_allowed),
    ],
)
def test_other_methods_record_nothing(answer, token, method, expected):
    place = make_endpoint()
    with register_recorder(place.tracker) as recorder:
        assert answer(place, method, token) is expected
    assert not recorder.hits


@either_way
def test_any_error_of_a_custom_encoder_means_that_it_is_no_token(answer, caplog):
    place = make_endpoint(BracketEncoder)
    with register_recorder(place.tracker) as recorder:
        assert answer(place, "GET", "<a,b>") is PIXEL_IMAGE
        assert answer(place, "GET", "secret-token") is PIXEL_IMAGE
        assert answer(place, "GET", "<" * 8001) is PIXEL_IMAGE
    assert recorder.hits == [(("a", "b"), {})]
    assert "KeyError" in caplog.text
    assert "secret-token" not in caplog.text


def test_encoder_is_looked_up_at_each_use():
    current: list[Any] = [None]
    place = Endpoint(
        BOX,
        encoder=lambda: current[0],
        tracker=Tracker(),
        prefix="ptrack",
        app_url=HOST,
    )
    before = place.url(PIXEL, ["a"], {})
    current[0] = BracketEncoder
    assert place.url(PIXEL, ["a"], {}) == HOST + "/ptrack/%3Ca%3E/"
    assert before != place.url(PIXEL, ["a"], {})


# -- reading --------------------------------------------------------------------------


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
@both_encoders
def test_url_that_was_made_can_be_read(encoder, mount, options):
    place = make_endpoint(encoder, **options)
    url = place.url(PIXEL, ["a"], {"k": 1}, mount=mount)
    assert place.read_url(url)[1] == Carried(PIXEL, ("a",), {"k": 1}, None)
    url = place.url(LINK, ["a"], {"k": 1}, TARGET, mount)
    assert place.read_url(url)[1] == Carried(LINK, ("a",), {"k": 1}, TARGET)


@pytest.mark.parametrize("prefix", ["/ptrack/", "/ü x/"])
def test_reading_returns_the_path_below_the_mount(prefix):
    place = make_endpoint(prefix=prefix, app_url=HOST + "/shop")
    for kind, target in ((PIXEL, None), (LINK, TARGET)):
        url = place.url(kind, ["a"], {}, target, "/at/")
        path, carried = place.read_url(url)
        assert path.startswith(prefix + kind.segment)
        assert place.read(place.match(path)) == carried


def test_every_part_of_a_path_that_may_be_a_token_is_found():
    place = make_endpoint(suffix=".gif")
    url = "https://any.example/at/ptrack/a%20b/ptrack/link/c.gif/?q=/ptrack/d/"
    assert list(place.find_tokens(url)) == [
        ("/ptrack/a b/ptrack/link/c.gif/", "a b/ptrack/link/c"),
        ("/ptrack/link/c.gif/", "link/c"),
    ]


@pytest.mark.parametrize("end", ["?utm_source=mail#x", "#x", "?"])
def test_query_that_a_mail_provider_appended_does_not_matter(end):
    place = make_endpoint()
    url = place.url(PIXEL, ["a"], {}) + end
    assert place.read_url(url)[1].args == ("a",)


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
def test_url_that_carries_nothing_reads_as_none(url):
    assert make_endpoint().read_url(url) is None


def test_reading_records_and_counts_nothing():
    place = make_endpoint()
    with (
        register_recorder(place.tracker) as opens,
        register_clicks(place.tracker) as clicks,
    ):
        place.read_url(place.url(PIXEL, [], {}))
        place.read_url(place.url(LINK, [], {}, TARGET))
    assert not opens.hits
    assert not clicks.hits


@pytest.mark.parametrize(
    "decrypted",
    [
        lambda: (iter(["a", "b"]), {"k": 1}),
        lambda: (("a", "b"), MappingProxyType({"k": 1})),
        lambda: [["a", "b"], {"k": 1}],
    ],
    ids=["iterator", "mapping", "list"],
)
@either_way
def test_custom_encoder_may_return_any_iterable_and_any_mapping(answer, decrypted):
    """Each of several callbacks gets all of it."""

    class Encoder(CommaEncoder):
        @staticmethod
        def decrypt(token: str) -> Any:
            return decrypted()

    place = make_endpoint(Encoder)
    assert place.read("x") == Carried(PIXEL, ("a", "b"), {"k": 1}, None)
    with (
        register_recorder(place.tracker) as first,
        register_recorder(place.tracker) as second,
    ):
        answer(place, "GET", "x")
    assert first.hits == second.hits == [(("a", "b"), {"k": 1})]


# -- the envelope ---------------------------------------------------------------------

each_kind = pytest.mark.parametrize(
    ("kind", "target"), [(PIXEL, None), (LINK, TARGET)], ids=["pixel", "link"]
)


@each_kind
@both_encoders
def test_keyword_of_the_envelope_is_refused_when_rendering(encoder, kind, target):
    place = make_endpoint(encoder)
    with pytest.raises(ValueError, match="the keyword ':' is reserved"):
        place.url(kind, [], {"fine": 1, ":": "carried"}, target)


@each_kind
@pytest.mark.parametrize("name", ["", "::", " :", "a:b", "self"])
def test_keywords_of_other_names_are_carried(kind, target, name):
    place = make_endpoint()
    kwargs = {name: 1, "deep": {":": 2}}
    _, carried = place.read_url(place.url(kind, [{":": 3}], kwargs, target))
    assert (carried.args, carried.kwargs) == (({":": 3},), kwargs)


@each_kind
@both_encoders
@either_way
def test_envelope_is_dropped_when_reading(answer, encoder, kind, target):
    """A later version may write one, with entries that this one doesn't know."""
    place = make_endpoint(encoder)
    kwargs = {"k": 1, ":": {"later": [1]}}
    box = BOX if kind is PIXEL else BOX.derive(b"ptrack link")
    args = ["a"] if kind is PIXEL else ["a", TARGET]
    if encoder is None:
        token = box.encrypt(*args, **kwargs)
    elif kind is PIXEL:
        token = encoder.encrypt(*args, **kwargs)
    else:
        token = encoder.encrypt(box.encrypt(*args, **kwargs))
    token = kind.segment + token
    assert place.read(token) == Carried(kind, ("a",), {"k": 1}, target)
    with (
        register_recorder(place.tracker) as opens,
        register_clicks(place.tracker) as clicks,
    ):
        answer(place, "GET", token)
    assert opens.hits == ([(("a",), {"k": 1})] if kind is PIXEL else [])
    assert clicks.hits == ([(TARGET, ("a",), {"k": 1})] if kind is LINK else [])


def test_envelope_is_dropped_from_a_copy():
    """A custom encoder may keep what it returned."""
    kept = {"k": 1, ":": {}}

    class Keeping(CommaEncoder):
        @staticmethod
        def decrypt(token: str) -> Any:
            return [], kept

    place = make_endpoint(Keeping)
    assert place.read("x").kwargs == place.read("x").kwargs == {"k": 1}
    assert kept == {"k": 1, ":": {}}


@pytest.mark.parametrize(
    ("kind", "target", "make_key", "content"),
    [
        (PIXEL, None, None, b'[["a",1],{"k":null}]'),
        (LINK, TARGET, make_link_key, b'[["a",1,"https://shop.example/"],{"k":null}]'),
    ],
    ids=["pixel", "link"],
)
def test_token_that_needs_no_envelope_has_none(kind, target, make_key, content):
    """It has the same bytes as before there were envelopes."""
    url = make_endpoint().url(kind, ["a", 1], {"k": None}, target)
    token = url.removeprefix(f"{HOST}/ptrack/{kind.segment}").removesuffix("/")
    nonce = base64.urlsafe_b64decode(token)[:24]
    content += b" " * (-(40 + len(content)) % 3)
    key = {} if make_key is None else {"make_key": make_key}
    assert token == spell(seal(content, SECRET, nonce, **key))


# -- one road -------------------------------------------------------------------------


def test_deciding_runs_no_callback_and_returns_the_hit():
    place = make_endpoint()
    made = []

    def make_request() -> Request:
        made.append(Request())
        return made[-1]

    with (
        register_recorder(place.tracker) as opens,
        register_clicks(place.tracker) as clicks,
    ):
        answer, hit = place.receive("GET", BOX.encrypt("a", k=1), make_request)
        assert answer is PIXEL_IMAGE
        assert (hit.kind, hit.args, hit.kwargs) == (PIXEL, ("a",), {"k": 1})
        token = BOX.derive(b"ptrack link").encrypt("a", TARGET, k=1)
        answer, click = place.receive("get", f"link/{token}", make_request)
        assert answer.header_map["Location"] == TARGET
        assert (click.kind, click.target, click.args) == (LINK, TARGET, ("a",))
    assert [hit.request, click.request] == made
    assert (opens.hits, clicks.hits) == ([], [])


@pytest.mark.parametrize(
    ("method", "token", "expected"),
    [
        ("GET", "garbage", PIXEL_IMAGE),
        ("HEAD", BOX.encrypt(), PIXEL.answers["HEAD"]),
        ("POST", BOX.encrypt(), PIXEL.not_allowed),
        ("GET", "link/garbage", LINK_NOT_FOUND),
        ("HEAD", "link/garbage", LINK.unreadable["HEAD"]),
        ("POST", "link/garbage", LINK.not_allowed),
    ],
    ids=range(6),
)
def test_request_that_is_no_hit_is_not_even_made(method, token, expected):
    def make_request() -> None:
        raise AssertionError("not needed")

    assert make_endpoint().receive(method, token, make_request) == (expected, None)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_request_is_made_once(method):
    place = make_endpoint(honour_gpc=True, link_query=True)
    made = []

    def make_request() -> Request:
        made.append(Request("a=1"))
        return made[-1]

    token = BOX.derive(b"ptrack link").encrypt(TARGET)
    got, _ = place.receive(method, f"link/{token}", make_request)
    assert got.header_map["Location"] == f"{TARGET}?a=1"
    assert len(made) == 1


@either_way
def test_failing_callback_costs_neither_the_image_nor_the_redirect(answer, caplog):
    place = make_endpoint()

    class Opens(ptrack.TrackingPixel):
        def record(self, request: Any) -> None:
            raise LookupError

    class Clicks(ptrack.TrackingLink):
        async def record(self, request: Any, url: str) -> None:
            raise LookupError

    place.tracker.register(Opens)
    place.tracker.register(Clicks)
    assert answer(place, "GET", BOX.encrypt()) is PIXEL_IMAGE
    token = BOX.derive(b"ptrack link").encrypt(TARGET)
    assert answer(place, "GET", f"link/{token}").header_map["Location"] == TARGET
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 2


def test_start_loads_the_engine_if_there_is_one():
    class Loading:
        loads = 0

        def load(self) -> None:
            self.loads += 1

    engine = Loading()
    make_endpoint().start()
    make_endpoint(engine=engine).start()
    assert engine.loads == 1


def test_endpoint_does_not_show_its_secret():
    assert SECRET not in repr(make_endpoint())
    assert SECRET not in str(vars(make_endpoint()))
