"""The same request through every adapter: the same response, and the same calls.

Whole handlers answer it, called as a server calls them, with nothing but ptrack in
``MIDDLEWARE``: other middlewares may add headers of their own.
"""

from itertools import product

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from hypothesis import given
from hypothesis import strategies as st

from ptrack.requests import PixelRequest
from tests import strategies as some
from tests.adapters import LINK_PREFIX, PREFIX, Request, Send
from tests.reference import make_link_key, seal, spell
from tests.settings import PTRACK_SECRET


def make_path(data: bytes, secret: str, padded: bool, end: bytes) -> bytes:
    return PREFIX + spell(seal(data, secret), padded=padded).encode() + end


CONTENTS = [b"[[],{}]", b'[["a", 1], {"k": {"deep": [null]}}]', b"[]", b"\xff"]

SECRETS = [PTRACK_SECRET, "another"]
ENDS = [b"", b"/", b"//", b"/x", b"%2F", b"=", b" ", b"\n", b"\xff"]
METHODS = ["GET", "get", "HEAD", "POST", "OPTIONS", "TRACE", "BREW", ""]

sealed_paths = st.builds(
    make_path,
    st.sampled_from(CONTENTS),
    st.sampled_from(SECRETS),
    st.booleans(),
    st.sampled_from(ENDS),
)
LINKS = [
    b'[["https://h.example/?a#b"],{}]',
    b'[[1,"http://\xc3\xbc/ \xc3\xa4"],{"k":2}]',
]
link_paths = st.builds(
    lambda data, secret, end: (
        LINK_PREFIX + spell(seal(data, secret, make_key=make_link_key)).encode() + end
    ),
    st.sampled_from([*LINKS, *CONTENTS]),
    st.sampled_from(SECRETS),
    st.sampled_from(ENDS),
)
# ASGI servers hand over no name with "_" to Django, and it trims cookies there.
plain_headers = some.headers.map(
    lambda headers: tuple(
        (name, value)
        for name, value in headers
        if "_" not in name and name.lower() != "cookie"
    )
)
requests = st.builds(
    Request,
    some.methods,
    # "|" would flatten these, and draw each of their own alternatives equally often.
    st.sampled_from(
        [sealed_paths, link_paths, some.pixel_paths, some.link_paths, some.site_paths]
    ).flatmap(lambda paths: paths),
    some.queries,
    plain_headers,
    st.sampled_from(["", "", "/mounted", "/a/b"]),
)


def assert_all_agree(sends: dict[str, Send], request: Request) -> None:
    first, *others = sends
    expected = sends[first](request)
    for name in others:
        assert sends[name](request) == expected, f"{name} differs from {first}"


@given(request=requests)
def test_same_request_gets_the_same_response_and_calls_from_every_adapter(
    sends: dict[str, Send], request: Request
):
    assert_all_agree(sends, request)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_answered_alike_whatever_is_behind_the_prefix(sends, method):
    """The test tries all of them: chance would leave some out."""
    for content, secret, end in product(CONTENTS, SECRETS, ENDS):
        path = make_path(content, secret, padded=True, end=end)
        assert_all_agree(sends, Request(method, path))


HIT = Request(path=make_path(b'[["a"],{"k":1}]', PTRACK_SECRET, False, b"/"))


def test_each_adapter_gets_the_compared_hits_in_its_own_way(sends):
    got = {name: send(HIT) for name, send in sends.items()}
    for name, response in got.items():
        assert response.hits == [(("a",), {"k": 1})], name
        assert response.metas[0]["PATH_INFO"] == HIT.path.decode(), name
    kinds = {name: type(response.requests[0]) for name, response in got.items()}
    assert kinds == {
        "middleware": WSGIRequest,
        "async middleware": ASGIRequest,
        "urls": WSGIRequest,
        "async urls": ASGIRequest,
        "wsgi": PixelRequest,
        "asgi": PixelRequest,
    }
    routed = {
        name
        for name, response in got.items()
        if getattr(response.requests[0], "resolver_match", None)
    }
    assert routed == {"urls", "async urls"}
