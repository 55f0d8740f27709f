"""Properties of any value, any token and any request, through every adapter."""

import asyncio
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.template import engines
from hypothesis import given
from hypothesis import strategies as st

import ptrack
from ptrack import PtrackEncoder
from ptrack.core.answers import LINK_NOT_FOUND, Answer
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackTokenError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests import strategies as some
from tests.adapters import Request, Send
from tests.recording import register_recorder
from tests.reference import open_token, seal, spell

# The requests of many examples take long.
pytestmark = pytest.mark.once

BOX = TokenBox("s3cret")
HOST = "https://www.example.com"


def are_same(one: Any, other: Any) -> bool:
    """Return whether values are equal and of the same types, in the same order.

    ``==`` takes 1, 1.0 and True for equal, and 0.0 and -0.0.
    """
    return repr(one) == repr(other)


def read_back(send: Send, url: str) -> Any:
    """Return the arguments of the one call that a request for a URL leads to."""
    ((args, kwargs),) = send(Request(path=url.removeprefix(HOST).encode())).hits
    return list(args), kwargs


# -- values ---------------------------------------------------------------------------


def read_source(tag: str) -> str:
    found = re.fullmatch(r'<img src="([^"]*)" width=1 height=1>', tag)
    assert found
    return html.unescape(found[1])


WAYS: dict[str, Callable[..., str]] = {
    "pixel_url": ptrack.pixel_url,
    "pixel_tag": lambda *args, **kwargs: read_source(ptrack.pixel_tag(*args, **kwargs)),
    "wsgi": lambda *args, **kwargs: PtrackWSGIMiddleware(None, pixels=()).pixel_url(
        *args, **kwargs
    ),
}


@given(way=st.sampled_from(list(WAYS)), args=some.arguments, kwargs=some.keywords)
def test_any_json_value_of_python_comes_back_equal_from_every_adapter(
    sends: dict[str, Send], way: str, args: list[Any], kwargs: dict[str, Any]
):
    url = WAYS[way](*args, **kwargs)
    for name, send in sends.items():
        assert are_same(read_back(send, url), (args, kwargs)), name


@given(tag=st.booleans(), args=some.arguments, kwargs=some.tag_keywords)
def test_any_json_value_of_a_template_comes_back_equal_from_every_adapter(
    sends: dict[str, Send], tag: bool, args: list[Any], kwargs: dict[str, Any]
):
    if tag:
        url = read_source(render("ptrack", args, kwargs))
    else:
        url = render("ptrack_url", args, kwargs)
    for name, send in sends.items():
        assert are_same(read_back(send, url), (args, kwargs)), name


def render(tag: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    words = [f"args.{place}" for place, _ in enumerate(args)]
    words += [f"{name}=values.{place}" for place, name in enumerate(kwargs)]
    source = f"{{% load ptrack %}}{{% {tag} {' '.join(words)} %}}"
    context = {"args": args, "values": list(kwargs.values())}
    text: str = engines["django"].from_string(source).render(context)
    return text


MAKERS = [
    pytest.param(ptrack.pixel_url, id="pixel_url"),
    pytest.param(ptrack.pixel_tag, id="pixel_tag"),
    pytest.param(BOX.encrypt, id="TokenBox"),
    pytest.param(PtrackEncoder.encrypt, id="PtrackEncoder"),
    pytest.param(lambda *a, **k: render("ptrack", list(a), k), id="template"),
]


@pytest.mark.parametrize("make", MAKERS)
@given(fit=some.arguments, unfit=some.unfit_values)
def test_anything_else_raises_and_names_the_argument(make, fit, unfit):
    named = rf"^ptrack can't carry positional argument {len(fit) + 1} of type \w+"
    with pytest.raises((TypeError, ValueError), match=named):
        make(*fit, unfit, "fine")
    with pytest.raises((TypeError, ValueError), match=r"keyword argument 'it' of type"):
        make(*fit, fine=1, it=unfit)


# -- tokens ---------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=())) | st.binary() | some.tails)
def test_any_text_or_bytes_is_refused_as_a_token_with_the_one_error(token):
    for box in (BOX, TokenBox("another", ["s3cret"]), PtrackEncoder):
        with pytest.raises(PtrackTokenError, match=r"^not a token$") as caught:
            box.decrypt(token)
        assert caught.value.__cause__ is None


contents = some.values.map(json.dumps).map(str.encode)


@given(
    st.binary()
    | contents
    | st.builds(b"[%b, %b]".__mod__, st.tuples(contents, contents))
)
def test_any_bytes_under_the_seal_are_a_hit_or_the_one_error(data: bytes):
    """This holds even for tokens that only the owner of the secret can make."""
    token = spell(seal(data, "s3cret"))
    expected = open_token(token.encode(), ["s3cret"])
    if expected is None:
        with pytest.raises(PtrackTokenError, match=r"^not a token$"):
            BOX.decrypt(token)
    else:
        assert are_same(BOX.decrypt(token), tuple(expected))


# -- requests -------------------------------------------------------------------------


def find_answer(method: str) -> Answer:
    """Return the answer to any request of a method under the prefix."""
    return PIXEL.answers.get(method.upper(), PIXEL.not_allowed)


@given(request=some.requests(some.pixel_paths))
def test_any_request_under_the_prefix_gets_the_same_answer_and_no_call(
    sends: dict[str, Send], request: Request
):
    expected = find_answer(request.method)
    for name, send in sends.items():
        got = send(request)
        assert got.status == expected.status, name
        assert got.headers == list(expected.headers), name
        assert got.body == expected.body, name
        assert not got.hits, name


@given(request=some.requests(some.link_paths))
def test_any_request_for_a_link_that_cannot_be_read_is_the_same_page_and_no_call(
    sends: dict[str, Send], request: Request
):
    body = {"GET": LINK_NOT_FOUND.body, "HEAD": b""}.get(request.method.upper())
    answer = LINK.not_allowed if body is None else LINK_NOT_FOUND
    for name, send in sends.items():
        got = send(request)
        assert got.status == answer.status, name
        assert got.headers == list(answer.headers), name
        assert got.body == (answer.body if body is None else body), name
        assert not got.hits, name
        assert not got.clicks, name


targets = st.builds(
    "https://{}.example/{}#{}".format,
    st.text("abcé中", min_size=1),
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))),
    st.text(st.characters(exclude_categories=("C", "Z"))),
)


@given(target=targets, args=some.arguments, kwargs=some.keywords)
def test_any_target_and_values_of_a_link_come_back_from_every_adapter(
    sends: dict[str, Send], target: str, args: list[Any], kwargs: dict[str, Any]
):
    path = ptrack.link_url(target, *args, **kwargs).removeprefix(HOST).encode()
    for name, send in sends.items():
        got = send(Request(path=path))
        ((url, found, named),) = got.clicks
        assert are_same((url, list(found), named), (target, args, kwargs)), name
        location = dict(got.headers)["Location"]
        assert unquote(location) == unquote(target), name
        assert not got.hits, name


@given(request=some.requests(some.pixel_paths | some.site_paths | st.binary()))
def test_any_request_at_all_is_answered_and_leads_to_no_call(
    sends: dict[str, Send], request: Request
):
    for name, send in sends.items():
        got = send(request)
        assert got.status in (200, 404, 405), name
        assert not got.hits, name


@given(path=st.text(st.characters(exclude_categories=())), method=st.text())
def test_endpoint_answers_any_text_as_path_and_method(path: str, method: str):
    endpoint = Endpoint(
        BOX, encoder=lambda: None, tracker=Tracker(), prefix="/", app_url=HOST
    )
    token = endpoint.match(f"/{path}")
    assert token is not None
    with register_recorder(endpoint.tracker) as recorder:
        got = endpoint.answer(method, token, lambda: "request")
        assert asyncio.run(endpoint.aanswer(method, token, lambda: "request")) is got
    assert got is find_answer(method)
    assert not recorder.hits


any_text = st.text(st.characters(exclude_categories=()), max_size=30)


@given(
    environ=st.dictionaries(any_text, any_text | st.binary() | st.none(), max_size=5),
    path=any_text,
    method=any_text,
)
def test_wsgi_middleware_answers_an_environ_of_anything(environ, path, method):
    """More than a server may hand over: names, surrogates, missing keys."""
    expected = find_answer(method)
    tracker = Tracker()
    app = PtrackWSGIMiddleware(None, pixels=(), tracker=tracker)
    environ |= {"PATH_INFO": f"/ptrack/{path}", "REQUEST_METHOD": method}
    started: list[Any] = []
    with register_recorder(tracker) as recorder:
        body = app(environ, lambda *given: started.append(given))
    assert b"".join(body) == expected.body
    assert started == [(expected.status_line, list(expected.headers))]
    assert not recorder.hits
