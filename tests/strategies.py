"""Strategies of Hypothesis: values that JSON holds or doesn't, and requests."""

import math
from pathlib import PurePosixPath
from typing import Any

from hypothesis import strategies as st

from ptrack.core.tokens import ENVELOPE
from tests.adapters import LINK_PREFIX, PREFIX, Request


def is_one_text(text: str) -> bool:
    """Return whether no two surrogates in a row stand for one other character."""
    units = text.encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "surrogatepass") == text


# -- values ---------------------------------------------------------------------------

texts = st.text(st.characters(), max_size=12) | st.text(
    st.characters(codec=None, exclude_categories=()), max_size=12
).filter(is_one_text)
integers = st.integers() | st.integers(-(10**200), 10**200)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=8,
)
arguments = st.lists(values, max_size=3)
# Without the reserved one.
keywords = st.dictionaries(
    texts.filter(lambda text: text != ENVELOPE), values, max_size=3
)

# The names that "{% ptrack name=… %}" takes.
tag_keywords = st.dictionaries(st.from_regex(r"\A\w{1,12}\Z"), values, max_size=3)


class Thing:
    """An object of a class that isn't JSON's."""


unfit_scalars: st.SearchStrategy[Any] = (
    st.sampled_from([math.nan, math.inf, -math.inf, Thing(), "\ud83d\ude00"])
    | st.tuples(scalars)
    | st.sets(st.integers())
    | st.frozensets(st.integers())
    | st.binary()
    | st.binary().map(bytearray)
    | st.binary().map(memoryview)
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.builds(PurePosixPath)
    | st.builds(range, st.integers(0, 5))
    | st.dictionaries(
        st.integers() | st.none() | st.booleans() | floats | st.binary(),
        scalars,
        min_size=1,
        max_size=2,
    )
    | st.just(())
)
unfit_values = st.recursive(
    unfit_scalars,
    lambda inner: (
        st.tuples(values, inner).map(list)
        | st.builds(lambda key, value: {"fine": 1, key: value}, texts, inner)
    ),
    max_leaves=3,
)

# -- requests -------------------------------------------------------------------------

methods = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get"]) | (
    st.text(st.characters(max_codepoint=255), max_size=8)
)

# RFC 9110, section 5.5, forbids NUL, CR and LF in a value, and servers refuse them.
field_values = st.text(
    st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=30
)
field_names = st.text(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20
) | st.sampled_from(
    [
        "Authorization",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "Expect",
        "Host",
        "Origin",
        "Referer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Original-URL",
    ]
)
headers = st.lists(
    st.tuples(field_names, field_values)
    | st.sampled_from(
        [
            ("If-None-Match", "*"),
            ("If-Modified-Since", "Wed, 01 Jan 2098 00:00:00 GMT"),
            ("Range", "bytes=0-0"),
            ("Accept-Encoding", "gzip, br;q=0"),
            ("Content-Type", "text/plain; charset=\xe9%00"),
            ("Content-Length", "-1"),
            ("X-HTTP-Method-Override", "DELETE"),
        ]
    ),
    max_size=4,
    # A server joins those of one name (RFC 9110, section 5.2).
    unique_by=lambda header: header[0].upper().replace("-", "_"),
).map(tuple)
# RFC 3986, section 3.4: a query is ASCII, and servers refuse others.
queries = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(
    str.encode
)
tails = (
    st.binary(max_size=100)
    | texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.from_regex(rb"\A[A-Za-z0-9_-]{60,100}={0,2}/?\Z")
)
pixel_paths = tails.filter(lambda tail: not tail.startswith(b"link/")).map(
    PREFIX.__add__
)
link_paths = tails.filter(lambda tail: tail != b"").map(LINK_PREFIX.__add__)
# A site may show the path in its pages, so it can decode these.
site_paths = st.sampled_from(
    ["", "/", "/page/", "/page", "/ptrack", "/ptracker/x", "//ptrack/x/", "ptrack/x/"]
).map(str.encode) | st.text(max_size=20).map(lambda text: f"/{text}".encode())


def requests(paths: st.SearchStrategy[bytes]) -> st.SearchStrategy[Request]:
    """Draw requests of any method and with any headers for the paths."""
    return st.builds(Request, methods, paths, queries, headers)
