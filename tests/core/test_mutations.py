"""Nothing but the token itself records, through any adapter.

The token itself is the text that the encoder wrote, letter by letter; a token of
django-ptrack 3.0.0 that ends in ``=`` may have lost all of them. Before it, in it and
behind it may be characters that no token has, as mail clients and people put them into
a URL; each such path records at most once, and only what is in the token. A path of the
token alone always records; in it the slash at the end is optional. The query doesn't
matter. Everything else is answered like any garbage.
"""

import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptrack.core.answers import PIXEL_IMAGE
from tests.adapters import PREFIX, Request, Send
from tests.reference import FOREIGN, seal, spell
from tests.settings import PTRACK_SECRET

# The requests of many examples take long.
pytestmark = pytest.mark.once

SEALED = [
    seal(b'[["a"],{"k":1}]' + b" " * spaces, PTRACK_SECRET, bytes(range(232, 256)))
    for spaces in range(3)
]
OTHER = seal(b'[["b"],{"k":2}]', PTRACK_SECRET, bytes(range(1, 25)))
"""Authentic too, to be cut and joined with the others."""


def find_spellings(data: bytes) -> set[bytes]:
    return {spell(data).encode(), spell(data, padded=False).encode()}


def find_paths(data: bytes) -> set[bytes]:
    return {PREFIX + each + end for each in find_spellings(data) for end in (b"", b"/")}


def test_tokens_of_every_padding_are_tried():
    assert {spell(data).count("=") for data in SEALED} == {0, 1, 2}


@pytest.mark.parametrize("data", SEALED, ids=["none", "one", "two"])
def test_every_spelling_of_the_token_itself_records_once(sends, data):
    expected = 2 if spell(data).endswith("=") else 1
    assert len(find_spellings(data)) == expected
    for path in find_paths(data):
        for query in (b"", b"utm_source=mail"):
            for name, send in sends.items():
                hits = send(Request(path=path, query=query)).hits
                assert hits == [(("a",), {"k": 1})], name


AUTHENTIC = {path for data in (*SEALED, OTHER) for path in find_paths(data)}


def make_pattern(data: bytes) -> re.Pattern[bytes]:
    """Return a pattern of all paths that hold every letter of a token, in order."""
    letters = spell(data, padded=False).encode()
    each = (re.escape(letters[place : place + 1]) for place in range(len(letters)))
    return re.compile(re.escape(PREFIX) + FOREIGN + FOREIGN.join(each))


PATTERNS = [
    *((make_pattern(data), [(("a",), {"k": 1})]) for data in SEALED),
    (make_pattern(OTHER), [(("b",), {"k": 2})]),
]


def find_hits(path: bytes) -> list[Any]:
    """Return the hits of the token that a path holds, damaged or not."""
    return next((hits for pattern, hits in PATTERNS if pattern.match(path)), [])


def find_due(path: bytes) -> list[list[Any]]:
    """Return the hits that a path may lead to: not every damage can be mended."""
    hits = find_hits(path)
    return [hits] if path in AUTHENTIC else [hits, []]


def assert_only_the_token_itself_records(sends: dict[str, Send], path: bytes) -> None:
    """Send a path; compare the calls with those that are due, and the answer."""
    due = find_due(path)
    expected = None
    for name, send in sends.items():
        got = send(Request(path=path))
        assert got.hits in due, name
        # A server may decode bytes that aren't UTF-8 in another way.
        expected = got.hits if expected is None else expected
        assert got.hits == expected, name
        if path.startswith(PREFIX):
            assert (got.status, got.body) == (PIXEL_IMAGE.status, PIXEL_IMAGE.body), (
                name
            )
            assert got.headers == list(PIXEL_IMAGE.headers), name


# -- edits ----------------------------------------------------------------------------


TELLING = [b"A", b"=", b"/", b".", b"%", b"-", b"_", b"+", b"\n", b"%2F", b"%3D"]


@st.composite
def edit(draw: st.DrawFn, text: bytes) -> bytes:
    """Flip, cut, extend, overwrite, reorder, double, or go on with another token."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    head, part, tail = text[:start], text[start:end], text[end:]
    more = draw(st.binary(min_size=1, max_size=4) | st.sampled_from(TELLING))
    flipped = bytes(each ^ 1 << draw(st.integers(0, 7)) for each in tail[:1]) + tail[1:]
    other = spell(OTHER).encode() if text.isascii() else OTHER
    return draw(
        st.sampled_from(
            [
                head + part + flipped,
                head + tail,
                head + more + part + tail,
                head + more + tail,
                head + part[::-1] + tail,
                part + head + tail,
                tail + part + head,
                head + part + part + tail,
                head + part.swapcase() + tail,
                head + other[len(head) :],
            ]
        )
    )


datas = st.sampled_from(SEALED)


@given(data=datas, more=st.data(), times=st.integers(1, 3))
def test_edited_sealed_bytes_do_not_record(sends, data, more, times):
    mutant = data
    for _ in range(times):
        mutant = more.draw(edit(mutant))
    for spelling in find_spellings(mutant):
        assert_only_the_token_itself_records(sends, PREFIX + spelling)


@given(data=datas, more=st.data(), times=st.integers(1, 3))
def test_edited_token_does_not_record(sends, data, more, times):
    mutant = more.draw(st.sampled_from(sorted(find_spellings(data))))
    for _ in range(times):
        mutant = more.draw(edit(mutant))
    for end in (b"", b"/"):
        assert_only_the_token_itself_records(sends, PREFIX + mutant + end)


@given(data=datas, more=st.data(), times=st.integers(1, 3))
def test_edited_path_does_not_record(sends, data, more, times):
    mutant = more.draw(st.sampled_from(sorted(find_paths(data))))
    for _ in range(times):
        mutant = more.draw(edit(mutant))
    assert_only_the_token_itself_records(sends, mutant)


@pytest.mark.parametrize("data", SEALED, ids=["none", "one", "two"])
def test_no_byte_of_a_path_can_be_another(sends, data):
    """The test tries every byte, and those that differ from it in one bit."""
    for path in find_paths(data):
        for place in range(len(path)):
            for bit in range(8):
                flipped = bytes([path[place] ^ 1 << bit])
                mutant = path[:place] + flipped + path[place + 1 :]
                hits = sends["wsgi"](Request(path=mutant)).hits
                assert hits in find_due(mutant), mutant


# -- other spellings ------------------------------------------------------------------

ALPHABETS = [b"+/", b".~", b",;", b"_-", b"!*", b"-.", b":_"]


def write_in_other_alphabets(data: bytes) -> list[bytes]:
    return [base64.b64encode(data, altchars) for altchars in ALPHABETS]


def write_in_other_encodings(data: bytes) -> list[bytes]:
    token = spell(data)
    return [
        base64.encodebytes(data),
        base64.b32encode(data),
        base64.b16encode(data),
        base64.b85encode(data),
        base64.a85encode(data),
        data.hex().encode(),
        data,
        token.encode("utf-16"),
        token.encode("utf-8-sig"),
        # NFKC turns these compatibility forms into plain letters.
        "".join(chr(ord(each) + 0xFEE0) for each in token).encode(),
        base64.urlsafe_b64encode(token.encode()),
    ]


def encode_percents(data: bytes) -> list[bytes]:
    """Return spellings that stay encoded when a server decodes the path once."""
    token = spell(data).encode()
    every = b"".join(b"%%%02X" % each for each in token)
    return [every, every.lower(), every[:3] + token[1:], token + b"%2F", token + b"%3D"]


def add_padding(data: bytes) -> list[bytes]:
    bare = spell(data, padded=False).encode()
    return [
        *(bare + b"=" * count for count in range(6)),
        b"=" + bare,
        bare + b"%3D",
        *(bare + each for each in (b" ", b"\n", b"\r\n", b"\t", b"\0", b".", b"+")),
        *(each + bare for each in (b" ", b"\n", b"\0", b"./", b"../ptrack/", b"v1.")),
        bare[:40] + b"\n" + bare[40:],
        bare + b"A",
        bare + b"AA",
        bare + b"AAA",
        bare + b"AAAA",
    ]


def set_spare_bits(data: bytes) -> list[bytes]:
    """Return spellings whose last character has bits set that no byte needs."""
    bare = spell(data, padded=False).encode()
    padding = spell(data).encode()[len(bare) :]
    alphabet = base64.urlsafe_b64encode(bytes(range(256)))
    return [
        bare[:-1] + bytes([last]) + end
        for last in set(alphabet)
        for end in (b"", padding)
    ]


def add_slashes(data: bytes) -> list[bytes]:
    token = spell(data).encode()
    return [
        *(token + b"/" * count for count in range(4)),
        b"/" + token,
        b"//" + token + b"/",
        token[:30] + b"/" + token[30:],
        token + b"/" + token,
        token + b"\\",
        token + "\u2215".encode(),
        token + b"/.",
        token + b"/..",
        token + b";v=1",
        token + b"?",
        token + b"#",
    ]


@pytest.mark.parametrize("data", SEALED, ids=["none", "one", "two"])
@pytest.mark.parametrize(
    "write",
    [
        write_in_other_alphabets,
        write_in_other_encodings,
        encode_percents,
        add_padding,
        set_spare_bits,
        add_slashes,
    ],
)
def test_same_bytes_in_another_spelling_record_no_other_content(sends, data, write):
    mutants = write(data)
    for mutant in mutants:
        assert_only_the_token_itself_records(sends, PREFIX + mutant)
    assert {PREFIX + each for each in mutants} - find_paths(data)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"ptrack/",
        b"//ptrack/",
        b"/ptrack",
        b"/Ptrack/",
        b"/./ptrack/",
        b"/%70track/",
        b"/ptrack/ptrack/",
        b"/a/../ptrack/",
    ],
)
def test_token_elsewhere_than_under_the_prefix_does_not_record(sends, start):
    for data in SEALED:
        for spelling in find_spellings(data):
            assert_only_the_token_itself_records(sends, start + spelling + b"/")


@pytest.mark.parametrize(
    "method", ["HEAD", "POST", "PUT", "OPTIONS", "GET ", "G\u00cbT"]
)
def test_token_itself_by_another_method_does_not_record(sends, method):
    for path in find_paths(SEALED[0]):
        for name, send in sends.items():
            assert not send(Request(method, path)).hits, name
