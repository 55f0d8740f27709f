"""A URL that was damaged on its way is read once more, through every adapter."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

import ptrack
from ptrack.core import repair
from ptrack.core.answers import LINK_NOT_FOUND, PIXEL_IMAGE
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import MAX_TOKEN_LENGTH
from tests.adapters import Request, open_adapters
from tests.core.endpoints import BOX, CommaEncoder, make_endpoint
from tests.recording import register_recorder
from tests.reference import make_link_key, seal, spell
from tests.settings import PTRACK_SECRET

pytestmark = pytest.mark.once

HOST = "https://www.example.com"
TARGET = "https://shop.example/"

# Percent-encoded, as a client sends them.
_BEHIND = """
    . , ; : ! ? ... ) ] } > " ' | * ** ` ~ + @ $ \\ ). ), )</p> %20 %0D%0A %09 %00 %22
    &utm_source=x &amp;utm_source=x &gt; &quot; %3Futm_source=x %23top ;jsessionid=1
    %E2%80%9D %E2%80%A6 %E3%80%82 %E3%80%81%E7%B6%9A %EF%BC%89 %C2%BB %C2%A0 %EF%BB%BF
    %E2%80%8B %C2%AD %FF %C3 %ED%A0%80 %2520 %253F %25253F %252F /index.html / // /x/y
    /. /.. /https://other.example/ https://other.example/ http://other.example/a
    HTTPS://other www.other.example = == === =) ==&utm ==. %3D%3D. =3D=3D =20 =0A
    %253D%253D %20and%20so%20on %20(see%20below) %0A%3E%20quoted _ - __ _. -) _** :8080
    @x <br> </a> {{x}} $ ^ %7C %5C%22 ?= %3C!-- (1) [1] .png .html? %F0%9F%98%80 %1F
"""
_BETWEEN = """
    %20 %20%20 %09 %0A %0D%0A %0D%0A%20 %0A%09 %0B %C2%A0 %C2%AD %E2%80%8B %E2%80%8C
    %E2%80%8D %E2%81%A0 %EF%BB%BF %E2%80%8E %E2%80%8F %E2%80%AF %E3%80%80 %E2%80%A8
    %E2%80%AA %E2%81%A6 =%0D%0A =%0A = =0A =0D=0A =20%0D%0A %0A%3E%20 %0D%0A%3E%3E%20
    %0A%20%3E%20%3E %2520 %2509 %250A %25C2%25AD %25E2%2580%258B %00 %7F %C2%85
    + %20+ %252B %253D %CD%8F %E3%85%A4 %EF%B8%8F %EF%BE%A0 %E1%A0%8E %F3%A0%80%A0
    %AD %A0 %25EF%25BB%25BF %25AD %25F3%25A0%2580%25A0 %E1%85%9F %EF%BF%BD
    %C2%AD%C2%AD %0D
"""
FRONTS = ["/", "//", "%20", "/%20", "%20/", "%E2%80%8B", "%0A/", "%2520", "=%0D%0A"]
_LINK_FRONTS = """
    /link/ //link/ link// link/// /link// %20link/ link/%20 link%20/ link%20/%20
    li%0Ank/ l=%0D%0Aink/ %E2%80%8Blink/ link/%E2%80%8B/ %20/%20link/%20/
"""
BEHIND, BETWEEN = _BEHIND.split(), _BETWEEN.split()
LINK_FRONTS = _LINK_FRONTS.split()


@pytest.fixture(scope="module")
def sends() -> Iterator[Any]:
    with open_adapters() as found:
        yield found


NONCE = bytes(range(100, 124))


def make_token(data: bytes, secret: str = PTRACK_SECRET, **more: Any) -> str:
    """Return a token that is the same in every run."""
    return spell(seal(data, secret, NONCE, **more), padded=False)


FORGED = make_token(b'[["a"],{}] ', "another")


def make_tokens() -> dict[str, str]:
    """Return tokens of this version, and of django-ptrack 3.0.0 with all paddings."""
    made = {"pixel": make_token(b'[["a"],{"k":1}]  ')}
    for spaces in range(3):
        data = seal(b'[["a"],{"k":1}]' + b" " * spaces, PTRACK_SECRET, NONCE)
        made[f"300 {spaces}"] = spell(data)
        made[f"300 {spaces} unpadded"] = spell(data, padded=False)
    return made


TOKENS = make_tokens()
CLICK = make_token(f'[["b","{TARGET}"],{{}}] '.encode(), make_key=make_link_key)


def test_tokens_are_those_that_this_version_makes_and_those_of_300():
    assert {len(token) % 4 for token in (TOKENS["pixel"], CLICK, FORGED)} == {0}
    assert {token.count("=") for token in TOKENS.values()} == {0, 1, 2}


def assert_reads(sends: Any, path: str) -> None:
    """Send a path, percent-encoded, as all adapters get it; each records once."""
    raw = unquote_to_bytes(path)
    for name, send in sends.items():
        got = send(Request(path=raw))
        assert got.body == PIXEL_IMAGE.body, name
        assert got.headers == list(PIXEL_IMAGE.headers), name
        assert got.hits == [(("a",), {"k": 1})], (name, path)


@pytest.mark.parametrize("end", BEHIND)
def test_pixel_with_something_glued_on_is_recorded(sends, end):
    token = TOKENS["pixel"]
    assert_reads(sends, f"/ptrack/{token}{end}")
    if not end.startswith(("_", "-", "www", "http")):
        assert_reads(sends, f"/ptrack/{token}/{end}")


# Letters that stand directly behind a token that has lost its padding.
UNDECIDABLE = re.compile("[A-Za-z_-]|=3D=3D")


@pytest.mark.parametrize("end", [e for e in BEHIND if not UNDECIDABLE.match(e)])
def test_pixel_of_300_with_something_glued_on_is_recorded(sends, end):
    for token in TOKENS.values():
        assert_reads(sends, f"/ptrack/{token}{end}")


_WORDS = """
    text more here%20 click%20here read%20more,%20please abcd abcdefg%20A
    and%20more%20words%20behind%20it A%20b%20c%20d%20e%20f%20g Link%20text.
    see%20https://other.example/ page%0Atext%20of%20the%20next%20line%0A%0Aand%20more
"""
WORDS = _WORDS.split()


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(
    "space", ["%20", "+", "/%20", "%0D%0A", "%C2%A0", "%09", "%2520", "=%0D%0A%0D%0A"]
)
def test_words_behind_white_space_are_no_part_of_the_token(sends, words, space):
    """Their letters are of its alphabet, and may make a multiple of four."""
    for token in TOKENS.values():
        assert_reads(sends, f"/ptrack/{token}{space}{words}")
        assert_reads(
            sends, f"/ptrack/%E2%80%8B{token[:30]}%20{token[30:]}{space}{words}"
        )


@pytest.mark.parametrize("inside", ["%C2%AD", "%E2%80%8B", "=%0D%0A", "=%0A", "%CD%8F"])
@pytest.mark.parametrize("place", [0, 20, 64, 65, 66, 68, 72, 75])
def test_words_are_told_from_pieces_by_the_white_space(sends, inside, place):
    """A token could end at some of these marks, too."""
    token = make_token(b'[["a"],{"k":1}]' + b" " * 20)
    assert len(token) == 100
    for words in WORDS[::3]:
        path = f"{token[:place]}{inside}{token[place:]}"
        assert_reads(sends, f"/ptrack/{path}%20{words}")
        assert_reads(sends, f"/ptrack/{path}%0D%0A%0D%0A{words}")


@pytest.mark.parametrize("inside", BETWEEN)
@pytest.mark.parametrize("places", [(1,), (40,), (63,), (20, 50), (8, 9, 10), (0, 60)])
def test_pixel_with_something_put_in_is_recorded(sends, inside, places):
    path = TOKENS["pixel"]
    for place in reversed(places):
        path = path[:place] + inside + path[place:]
    assert_reads(sends, f"/ptrack/{path}/")
    assert_reads(sends, f"/ptrack/{path}.")


_GLUED_WORDS = """
    -%20Name _%20and%20more __%20and%20more%20text -%20Click%20here%20now --%20Anna
    --%20%0AAnna -%0A-%20two _%0A%0A_Regards_ ---%20three%20words%20more _%C2%A0here
"""


@pytest.mark.parametrize("words", _GLUED_WORDS.split())
def test_marks_of_the_alphabet_may_stand_between_the_token_and_words(sends, words):
    """Markdown's emphasis and dashes are letters of it."""
    for token in (TOKENS["pixel"], TOKENS["300 0"], TOKENS["300 1"]):
        assert_reads(sends, f"/ptrack/{token}{words}")


@pytest.mark.parametrize("inside", ["%E2%80%8B", "%C2%AD", "%20", "=%0D%0A"])
@pytest.mark.parametrize(("step", "size"), [(1, 100), (3, 400), (10, 1500), (72, 5500)])
def test_something_may_be_put_in_all_over_the_token(sends, inside, step, size):
    """Programs put invisible marks into long words, for a browser to break them."""
    token = make_token(b'[["a"],{"k":1}]' + b" " * size)
    pieces = (token[place : place + step] for place in range(0, len(token), step))
    assert_reads(sends, f"/ptrack/{inside.join(pieces)}/")


@pytest.mark.parametrize("front", FRONTS)
def test_pixel_with_something_in_front_is_recorded(sends, front):
    for token in TOKENS.values():
        assert_reads(sends, f"/ptrack/{front}{token}/")


@pytest.mark.parametrize("front", ["link/", *LINK_FRONTS])
@pytest.mark.parametrize("end", ["", "/", ".", "/).", "&utm", "%20", "%E2%80%9D"])
@pytest.mark.parametrize("inside", ["", "%E2%80%8B", "=%0D%0A"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_damaged_link_is_followed(sends, front, end, inside, method):
    path = f"/ptrack/{front}{CLICK[:33]}{inside}{CLICK[33:]}{end}"
    for name, send in sends.items():
        got = send(Request(method, unquote_to_bytes(path)))
        assert (got.status, dict(got.headers)["Location"]) == (302, TARGET), name
        assert got.clicks == ([] if method == "HEAD" else [(TARGET, ("b",), {})]), name
        assert not got.hits, name


@pytest.mark.parametrize("front", ["link/", *LINK_FRONTS])
@pytest.mark.parametrize("token", ["garbage", "A" * 64, FORGED, ""])
def test_path_that_names_a_link_gets_the_page_of_links(sends, front, token):
    """So the answer depends on no key."""
    for name, send in sends.items():
        got = send(Request(path=unquote_to_bytes(f"/ptrack/{front}{token}/")))
        assert (got.status, got.body) == (404, LINK_NOT_FOUND.body), name
        assert got.headers == list(LINK_NOT_FOUND.headers), name


def test_pixel_is_no_link_however_it_is_damaged(sends):
    for name, send in sends.items():
        for path in (f"/ptrack//link/{TOKENS['pixel']}.", f"/ptrack/lnk/{'A' * 64}"):
            got = send(Request(path=path.encode()))
            assert (got.hits, got.clicks) == ([], []), name


@pytest.mark.parametrize("end", [end for end in BEHIND if "%" not in end])
def test_garbage_gets_the_image_with_anything_glued_on(sends, end):
    for name, send in sends.items():
        got = send(Request(path=f"/ptrack/{FORGED}{end}".encode()))
        assert (got.status, got.body) == (200, PIXEL_IMAGE.body), name
        assert got.headers == list(PIXEL_IMAGE.headers), name
        assert not got.hits, name


@pytest.mark.parametrize("prefix", ["/", "/a/b/", "/ü/"])
def test_damage_below_any_prefix_is_mended(prefix):
    place = make_endpoint(prefix=prefix)
    token = place.url(PIXEL, ["a"], {}).split("/")[-2]
    with register_recorder(place.tracker) as recorder:
        for path in (f"{prefix}{token}).", f"{prefix}/{token}/", f"{prefix} {token}"):
            found = place.match(path)
            assert found is not None
            place.answer("GET", found, lambda: "request")
    assert recorder.hits == [(("a",), {})] * 3


# -- the site's root ------------------------------------------------------------------


@pytest.fixture
def root_site() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF="tests.urlconfs.root", MIDDLEWARE=[]):
        yield Client()


@pytest.mark.parametrize("end", [")", "/)", "&utm=x", "%20", "", "/index.html"])
def test_at_the_root_a_damaged_path_is_ptracks_only_with_a_token(
    root_site, end, recorder, clicks
):
    path = ptrack.pixel_url("a").removeprefix(HOST).removesuffix("/")
    assert root_site.get(path + end).content == PIXEL_IMAGE.body
    link = ptrack.link_url(TARGET).removeprefix(HOST).removesuffix("/")
    assert root_site.get(link + end).status_code == 302
    assert recorder.hits == [(("a",), {})]
    assert len(clicks.hits) == 1
    for page in ("/about", f"/{'A' * 64}{end}x", f"/link/{'A' * 64}.x"):
        response = root_site.get(page)
        assert response.status_code == (200 if page == "/about" else 404)


def test_at_the_root_pages_are_shown_to_no_custom_encoder(root_site, monkeypatch):
    monkeypatch.setattr(ptrack, "ptrack_encoder", CommaEncoder)
    assert root_site.get("/about").content == b"page /about"


# -- custom encoders ------------------------------------------------------------------


def test_custom_encoder_gets_the_text_as_it_is():
    """Its alphabet isn't known, and it may take any text for a token."""
    place = make_endpoint(CommaEncoder)
    with register_recorder(place.tracker) as recorder:
        for token in ("a b", "/a", "//link/x", "a)"):
            place.answer("GET", token, lambda: "request")
    assert recorder.hits == [
        ((token,), {}) for token in ("a b", "/a", "//link/x", "a)")
    ]
    assert place.find_damage("anything") == repair.UNDAMAGED


# -- the text alone -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "A" * 62,
        "A" * (MAX_TOKEN_LENGTH + 1),
        f"{'A' * 64}.{'A' * MAX_TOKEN_LENGTH}",
        "." * 100,
        f".{'A' * 64}",
        "\ud800" * 100,
        f"{'A' * 60}.{'A' * 60}",
        "=" * 100,
        "A\n" * 50,
        "-" * 62 + " -",
        *TOKENS.values(),
    ],
)
def test_text_that_holds_no_other_token_is_not_mended(text):
    assert repair.mend(text) == []


@pytest.mark.parametrize(
    ("before", "inside", "behind", "dropped", "cut"),
    [
        ("", "", "", 0, ""),
        ("", "", ").", 0, ")."),
        (" ", "", "", 1, ""),
        ("", "=\r\n", " x", 3, " x"),
        ("//", "", "/)", 2, "/)"),
        ("\u200b/", "%20", "&a", 5, "&a"),
        ("//", " " * 40, "", 42, ""),
    ],
)
@pytest.mark.parametrize("size", [1, 5800])
def test_damage_is_counted(before, inside, behind, dropped, cut, size):
    token = BOX.encrypt("a" * size)
    text = f"{before}{token[:30]}{inside}{token[30:]}{behind}"
    assert repair.measure_damage(text, token) == (dropped, cut)
    place = make_endpoint()
    assert place.find_damage(text) == (dropped, cut)
    assert place.find_damage(f"/link/{text}") == (dropped + 1, cut)
    assert place.find_damage("garbage") is None


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_is_mended_to_letters_of_its_own_or_not_at_all(text):
    for each in (text, f"{'A' * 64}{text}", f"{text}{'B' * 70}{text}"):
        tokens = repair.mend(each)
        assert len(tokens) <= 2
        for token in tokens:
            letters = iter(each)
            assert all(letter in letters for letter in token)
            assert re.fullmatch("[A-Za-z0-9_-]{63,}", token)
            assert repair.mend(token) == []
            damage = repair.measure_damage(each, token)
            assert damage.dropped + len(token) + len(damage.cut) == len(each)


def test_url_that_is_read_says_the_same_as_the_undamaged_one():
    place = make_endpoint()
    url = place.url(LINK, ["a"], {"k": 1}, TARGET)
    _, whole = place.read_url(url)
    for end in (")", "/).", "%20", "&utm", quote("”")):
        damaged = url.removesuffix("/") + end
        assert place.read_url(damaged)[1] == whole
        assert place.owns(damaged)
