"""ptrack.core.links: targets sealed into URLs, and clicks that lead to them."""

import asyncio
import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import unquote
from wsgiref.validate import validator

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.utils.safestring import mark_safe
from nacl.secret import SecretBox
from webtest import TestApp as WebTest

import ptrack
from ptrack.core.answers import GIF, LINK_NOT_FOUND, PIXEL_IMAGE
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.links import check_target
from ptrack.core.tokens import MAX_TOKEN_LENGTH, TokenBox
from ptrack.exceptions import PtrackConfigurationError
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.core.endpoints import (
    BOX,
    HOST,
    SECRET,
    CommaEncoder,
    JsonEncoder,
    Request,
    answer_async,
    answer_sync,
    both_encoders,
    make_endpoint,
)
from tests.recording import Clicks, register_clicks, register_recorder
from tests.reference import make_link_key

TARGET = "https://shop.example/a?b=1&c=2#part"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def make_link(
    endpoint: Endpoint, target: Any = TARGET, *args: Any, **kwargs: Any
) -> str:
    """Return the path of a link."""
    return endpoint.url(LINK, args, kwargs, target).removeprefix(HOST)


@pytest.fixture(params=[answer_sync, answer_async], ids=["sync", "async"])
def get(request: pytest.FixtureRequest) -> Any:
    """Return a function that has the request for a path answered."""

    def get(place: Endpoint, path: str, method: str = "GET", query: str = "") -> Any:
        token = place.match(path)
        assert token is not None
        return request.param(place, method, token, Request(query))

    return get


# -- making and following -------------------------------------------------------------


def test_click_is_recorded_and_leads_to_the_target(get):
    place = make_endpoint()
    with (
        register_clicks(place.tracker) as clicks,
        register_recorder(place.tracker) as opens,
    ):
        answer = get(place, make_link(place, TARGET, "a", key="value"))
    assert (answer.status, answer.reason, answer.body) == (302, "Found", b"")
    assert dict(answer.headers).items() >= {"Location": TARGET, **HEADERS}.items()
    assert clicks.hits == [(TARGET, ("a",), {"key": "value"})]
    assert not opens.hits


def test_link_works_without_any_callback_and_without_a_slash(get):
    place = make_endpoint()
    answer = get(place, make_link(place).removesuffix("/"))
    assert dict(answer.headers)["Location"] == TARGET


def test_url_of_a_link_is_below_that_of_pixels():
    place = make_endpoint(prefix="/a/", suffix=".html")
    assert make_link(place).startswith("/a/link/")
    assert make_link(place).endswith(".html")
    url = place.url(LINK, (), {}, TARGET, "/at/")
    assert url.startswith(f"{HOST}/at/a/link/")


def test_two_links_to_the_same_target_differ():
    place = make_endpoint()
    assert make_link(place) != make_link(place)


def test_longest_link_that_is_made_is_followed(get, caplog):
    place = make_endpoint()
    sizes = (size for size in range(5900, 6000) if can_make(place, size))
    path = make_link(place, TARGET, "x" * max(sizes))
    assert len(path) == len("/ptrack/link//") + MAX_TOKEN_LENGTH
    assert get(place, path).status == 302
    assert get(place, path.removesuffix("/")).status == 302
    for end in ("A", "/", "/A"):
        assert get(place, path + end).status == 404


def can_make(place: Endpoint, size: int) -> bool:
    try:
        make_link(place, TARGET, "x" * size)
    except ValueError:
        return False
    return True


def test_token_that_is_too_long_is_shown_to_no_encoder(get):
    """The token was cut, and the rest may be a different one."""
    seen: list[str] = []

    class Curious(CommaEncoder):
        @staticmethod
        def decrypt(token: str) -> Any:
            seen.append(token)
            return CommaEncoder.decrypt(token)

    place = make_endpoint(Curious)
    for length in (MAX_TOKEN_LENGTH + 1, 9000, 60_000):
        assert get(place, f"/ptrack/link/{'a' * length}/").status == 404
    assert seen == []
    get(place, f"/ptrack/link/{'a' * MAX_TOKEN_LENGTH}/")
    assert [len(each) for each in seen] == [MAX_TOKEN_LENGTH]


def test_head_redirects_and_records_nothing(get):
    place = make_endpoint()
    with register_clicks(place.tracker) as clicks:
        answer = get(place, make_link(place), "HEAD")
    assert (answer.status, dict(answer.headers)["Location"]) == (302, TARGET)
    assert not clicks.hits


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "", "PUT"])
def test_other_methods_are_refused_and_record_nothing(get, method):
    place = make_endpoint()
    with register_clicks(place.tracker) as clicks:
        assert get(place, make_link(place), method) is LINK.not_allowed
    assert not clicks.hits


def test_link_made_with_an_earlier_secret_is_followed(get):
    path = make_link(make_endpoint())
    rotated = make_endpoint(box=TokenBox("new", [SECRET]))
    assert get(rotated, path).status == 302


def test_failing_callback_costs_neither_the_redirect_nor_another_callback(get, caplog):
    place = make_endpoint()

    @place.tracker.register
    class Failing(ptrack.TrackingLink):
        def record(self, request: Any, url: str) -> None:
            raise OSError("disk full")

    with register_clicks(place.tracker) as clicks:
        assert get(place, make_link(place)).status == 302
    assert len(clicks.hits) == 1
    assert "disk full" in caplog.text


def test_async_callback_is_awaited_either_way(get):
    place = make_endpoint()
    seen = []

    @place.tracker.register
    class Async(ptrack.TrackingLink):
        async def record(self, request: Any, url: str, *args: Any) -> None:
            await asyncio.sleep(0)
            seen.append((url, args))

    get(place, make_link(place, TARGET, 1))
    assert seen == [(TARGET, (1,))]


# -- targets --------------------------------------------------------------------------

EXACT = [
    "https://h.example",
    "HTTPS://H.example:8443/A%2fb;c?d=%C3%BC&e=f+g#h/i?j",
    "http://user:password@h.example/",
    "http://[::1]:80/",
    'https://h.example/?q={{name}}|"quoted"<x>^`\'\\',
    "https://xn--bcher-kva.example/",
    "https://h.example/#:~:text=a,-b",
]


@pytest.mark.parametrize("target", EXACT)
def test_target_in_ascii_arrives_as_it_was_given(get, target):
    place = make_endpoint()
    with register_clicks(place.tracker) as clicks:
        answer = get(place, make_link(place, target))
    assert dict(answer.headers)["Location"] == target
    assert clicks.hits[0][0] == target


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("https://bücher.example/ä?ö=ü#ß🙂", None),
        ("https://h.example/a b?c d#e f", "https://h.example/a%20b?c%20d#e%20f"),
    ],
)
def test_other_characters_are_percent_encoded_and_nothing_else(get, target, location):
    place = make_endpoint()
    with register_clicks(place.tracker) as clicks:
        answer = get(place, make_link(place, target))
    found = dict(answer.headers)["Location"]
    assert found.isascii()
    assert unquote(found) == target
    assert location in (None, found)
    assert clicks.hits[0][0] == target


def test_text_of_a_template_is_a_target():
    check_target(mark_safe(TARGET))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "absolute URL"),
        ("/page", "absolute URL"),
        ("www.example.com/page", "absolute URL"),
        ("//h.example/", "absolute URL"),
        ("https:///page", "absolute URL"),
        ("https:page", "absolute URL"),
        ("https://:80/", "absolute URL"),
        ("https://h:port/", "absolute URL"),
        ("https://[::1/", "absolute URL"),
        ("https://h.example\\@evil.example/", "absolute URL"),
        ("https://h example/", "absolute URL"),
        ("https://\ud800.example/", "absolute URL"),
        ("javascript:alert(1)", "absolute URL"),
        ("mailto:ada@example.com", "absolute URL"),
        ("ftp://h.example/", "absolute URL"),
        (" https://h.example/", "white space around it"),
        ("https://h.example/\n", "control characters"),
        ("https://h.example/\r\nSet-Cookie: a=b", "control characters"),
        ("https://h.example/\x00", "control characters"),
        ("https://h.example/\x85", "control characters"),
        ("https://h.example/\u2028", "control characters"),
        ("java\tscript:x", "control characters"),
    ],
)
def test_text_that_is_no_target_is_refused_when_the_link_is_made(target, said):
    """The error doesn't repeat it: a target may name its reader."""
    with pytest.raises(ValueError, match=said) as caught:
        make_link(make_endpoint(), target)
    assert len(target) < 2 or repr(target)[1:-1] not in str(caught.value)


@pytest.mark.parametrize("target", [None, b"https://h.example/", 1])
def test_target_that_is_no_text_is_refused(target):
    with pytest.raises(TypeError, match="a link's target must be str, not"):
        make_link(make_endpoint(), target)


def test_bad_argument_is_named_as_the_caller_counts():
    with pytest.raises(TypeError, match="positional argument 1 of type object"):
        make_link(make_endpoint(), TARGET, object())


@pytest.mark.parametrize(
    "content",
    [
        [["javascript:alert(1)"], {}],
        [["https://h.example/\r\nX: y"], {}],
        [[1], {}],
        [[], {}],
    ],
)
def test_sealed_content_without_a_good_target_is_no_link(get, content):
    """Another program that has the secret may not have checked it."""
    args, kwargs = content
    token = BOX.derive(b"ptrack link").encrypt(*args, **kwargs)
    assert get(make_endpoint(), f"/ptrack/link/{token}/") is LINK_NOT_FOUND


# -- broken links ---------------------------------------------------------------------

BROKEN = [
    "/ptrack/link/garbage/",
    "/ptrack/link/" + "A" * 9000,
    "/ptrack/link/ü/",
    "/ptrack/link//",
    "/ptrack/link/a/b/",
    "/ptrack//link/garbage/",
    "/ptrack/%20link/ garbage".replace("%20", " "),
]


@pytest.mark.parametrize("path", BROKEN)
def test_link_that_cannot_be_read_is_a_small_page_for_a_person(get, path):
    place = make_endpoint()
    with (
        register_clicks(place.tracker) as clicks,
        register_recorder(place.tracker) as opens,
    ):
        answer = get(place, path)
    assert answer is LINK_NOT_FOUND
    assert (answer.status, dict(answer.headers).items() >= HEADERS.items()) == (
        404,
        True,
    )
    assert b"Go back to the message" in answer.body
    assert not clicks.hits
    assert not opens.hits
    head = get(place, path, "HEAD")
    assert (head.status, head.headers, head.body) == (404, answer.headers, b"")


def test_link_that_cannot_be_read_can_lead_to_another_page(get):
    place = make_endpoint(link_fallback_url="https://www.example.com/hälp")
    for method in ("GET", "HEAD"):
        answer = get(place, "/ptrack/link/garbage/", method)
        assert (answer.status, dict(answer.headers)["Location"]) == (
            302,
            "https://www.example.com/h%C3%A4lp",
        )
        assert dict(answer.headers).items() >= HEADERS.items()


def test_link_changed_anywhere_leads_nowhere(get):
    place = make_endpoint()
    path = make_link(place)
    for spot in range(len("/ptrack/link/"), len(path) - 1):
        other = "A" if path[spot] != "A" else "B"
        assert get(place, path[:spot] + other + path[spot + 1 :]).status == 404


# -- kinds of tokens ------------------------------------------------------------------


@both_encoders
def test_token_of_a_link_is_no_pixel_and_the_other_way_round(get, encoder):
    place = make_endpoint(encoder)
    link = make_link(place, TARGET, "a")
    pixel = place.url(PIXEL, [TARGET], {}).removeprefix(HOST)
    with (
        register_clicks(place.tracker) as clicks,
        register_recorder(place.tracker) as opens,
    ):
        assert get(place, link.replace("/link/", "/")) is PIXEL_IMAGE
        assert get(place, pixel.replace("/ptrack/", "/ptrack/link/")).status == 404
    assert not clicks.hits
    assert not opens.hits
    with (
        register_clicks(place.tracker) as clicks,
        register_recorder(place.tracker) as opens,
    ):
        assert get(place, link).status == 302
        assert get(place, pixel) is PIXEL_IMAGE
    assert clicks.hits == [(TARGET, ("a",), {})]
    assert opens.hits == [((TARGET,), {})]


@both_encoders
def test_untrusted_arguments_of_a_pixel_make_no_link(get, encoder):
    """Not even if they are the token of another site's link, or look like one."""
    place = make_endpoint(encoder)
    foreign = TokenBox("other").derive(b"ptrack link").encrypt("https://evil.example")
    for args, kwargs in (
        (("https://evil.example",), {}),
        ((foreign,), {}),
        ((), {"url": "https://evil.example", "link": True}),
        ((["https://evil.example"], {}), {}),
    ):
        path = place.url(PIXEL, args, kwargs).removeprefix(f"{HOST}/ptrack/")
        assert get(place, f"/ptrack/link/{path}").status == 404


def test_path_of_a_link_is_no_open_to_an_encoder_that_takes_anything(get):
    place = make_endpoint(CommaEncoder)
    with (
        register_recorder(place.tracker) as opens,
        register_clicks(place.tracker) as clicks,
    ):
        assert get(place, "/ptrack/link/a,b/").status == 404
        assert get(place, "/ptrack/a,b/") is PIXEL_IMAGE
    assert opens.hits == [(("a", "b"), {})]
    assert not clicks.hits


def test_token_of_a_custom_encoder_is_a_link_only_if_it_is_sealed_and_nothing_more(get):
    place = make_endpoint(JsonEncoder)
    sealed = BOX.derive(b"ptrack link").encrypt(TARGET)
    for args, kwargs, status in (
        ((sealed,), {}, 302),
        ((sealed,), {"k": 1}, 404),
        ((sealed, 1), {}, 404),
        (([sealed],), {}, 404),
        ((), {}, 404),
    ):
        token = JsonEncoder.encrypt(*args, **kwargs)
        assert get(place, f"/ptrack/link/{token}/").status == status


@pytest.mark.parametrize(
    "hit", [((1,), {}), ((), {}), (("a", "b"), {}), (("a",), {"b": 1})]
)
def test_other_pixels_of_another_encoder_are_recorded(get, hit):
    args, kwargs = hit
    place = make_endpoint(JsonEncoder)
    with register_recorder(place.tracker) as opens:
        get(place, place.url(PIXEL, args, kwargs).removeprefix(HOST))
    assert opens.hits == [hit]


def test_another_encoder_without_a_secret_has_pixels_but_no_links(get):
    place = make_endpoint(JsonEncoder, box=None)
    with pytest.raises(PtrackConfigurationError, match="PTRACK_SECRET is not set"):
        make_link(place)
    with register_recorder(place.tracker) as opens:
        assert get(place, place.url(PIXEL, ["a"], {}).removeprefix(HOST)) is PIXEL_IMAGE
    assert opens.hits == [(("a",), {})]
    sealed = BOX.derive(b"ptrack link").encrypt(TARGET)
    assert get(place, f"/ptrack/link/{JsonEncoder.encrypt(sealed)}/").status == 404


def test_key_of_links_is_a_promise():
    """Mails live for years, and the key of their links must not change."""
    content = json.dumps([["a", TARGET], {"b": 1}]).encode()
    token = urlsafe_b64encode(
        SecretBox(make_link_key(SECRET)).encrypt(content)
    ).decode()
    place = make_endpoint()
    with register_clicks(place.tracker) as clicks:
        place.answer("GET", f"link/{token}", Request)
    assert clicks.hits == [(TARGET, ("a",), {"b": 1})]


# -- the query ------------------------------------------------------------------------

ADDED = "utm_source=mail&mc_eid=1&utm_medium=a%20b&&x"


@pytest.mark.parametrize(
    ("wanted", "target", "query", "location"),
    [
        ((), TARGET, ADDED, TARGET),
        (False, TARGET, ADDED, TARGET),
        (
            True,
            "https://h.example/",
            ADDED,
            "https://h.example/?utm_source=mail&mc_eid=1&utm_medium=a%20b&x",
        ),
        (
            ["utm_source", "utm_medium"],
            TARGET,
            ADDED,
            "https://shop.example/a?b=1&c=2&utm_source=mail&utm_medium=a%20b#part",
        ),
        (["none"], TARGET, ADDED, TARGET),
        (True, TARGET, "", TARGET),
        (True, "https://h.example/?", "a", "https://h.example/?a"),
        (True, "https://h.example/?b&", "a", "https://h.example/?b&a"),
        (["a b"], "https://h.example/", "a+b=1", "https://h.example/?a+b=1"),
        (True, "https://h.example/", "a=\xc3\xbc", "https://h.example/?a=%C3%BC"),
        (True, "https://h.example/", "a=\r\nX: y", "https://h.example/?a=%0D%0AX:%20y"),
    ],
)
def test_only_the_wanted_parameters_are_passed_on(get, wanted, target, query, location):
    place = make_endpoint(link_query=wanted)
    answer = get(place, make_link(place, target), query=query)
    assert dict(answer.headers)["Location"] == location


# -- through the adapters -------------------------------------------------------------


def send_through_django(path: str) -> Any:
    return Client().get(path)


def send_through_asgi(path: str) -> Any:
    return asyncio.run(AsyncClient().get(path))


def send_through_urls(path: str) -> Any:
    with override_settings(MIDDLEWARE=[], ROOT_URLCONF="tests.urlconfs.included"):
        return Client().get(path)


def send_through_wsgi(path: str) -> Any:
    middleware = PtrackWSGIMiddleware(None)
    response = WebTest(validator(middleware), lint=True).get(path, expect_errors=True)
    return HttpResponse(
        response.body, status=response.status_code, headers=response.headers
    )


@pytest.mark.parametrize(
    "send",
    [send_through_django, send_through_asgi, send_through_urls, send_through_wsgi],
)
def test_every_adapter_follows_and_refuses_links(send, clicks: Clicks):
    path = ptrack.link_url(TARGET, "a", key=1).removeprefix(HOST)
    response = send(path)
    assert (response.status_code, response["Location"]) == (302, TARGET)
    assert dict(response.items()).items() >= HEADERS.items()
    assert clicks.hits == [(TARGET, ("a",), {"key": 1})]
    response = send("/ptrack/link/garbage/")
    assert (response.status_code, response.content) == (404, LINK_NOT_FOUND.body)
    assert send(ptrack.pixel_url().removeprefix(HOST)).content == GIF
    assert len(clicks.hits) == 1


def test_wsgi_middleware_makes_links_and_takes_the_options():
    middleware = PtrackWSGIMiddleware(
        None,
        secret=SECRET,
        app_url=HOST,
        prefix="/p/",
        link_fallback_url="https://www.example.com/help",
        link_query=["a"],
        tracker=Tracker(),
        pixels=(),
    )
    url = middleware.link_url(TARGET, "x")
    client = WebTest(validator(middleware), lint=True)
    response = client.get(f"{url.removeprefix(HOST)}?a=1&b=2")
    assert response.headers["Location"] == ("https://shop.example/a?b=1&c=2&a=1#part")
    response = client.get("/p/link/x")
    assert response.headers["Location"] == "https://www.example.com/help"


def test_settings_of_links_are_honoured_by_django():
    path = ptrack.link_url(TARGET).removeprefix(HOST)
    with override_settings(
        PTRACK_LINK_FALLBACK_URL="https://www.example.com/help",
        PTRACK_LINK_QUERY=["a"],
    ):
        assert Client().get("/ptrack/link/x/")["Location"] == (
            "https://www.example.com/help"
        )
        assert Client().get(f"{path}?a=1&b=2")["Location"] == (
            "https://shop.example/a?b=1&c=2&a=1#part"
        )
