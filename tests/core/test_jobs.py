"""ptrack.core.jobs: a hit as text, and as a hit again."""

import json
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from wsgiref.handlers import BaseHandler

import pytest
from django.test import AsyncRequestFactory, RequestFactory

import ptrack
from ptrack.agents import client_ip
from ptrack.core.hits import Hit
from ptrack.core.jobs import MAX_JOB, MAX_VARIABLES, Job, read_job, write_job
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from tests.adapters import Request, Send, make_environ
from tests.processes import run_python

HEADERS = (
    ("Host", "www.example.com"),
    ("User-Agent", "Mail/1 \xe9"),
    ("Accept-Language", "en"),
)


def make_request(**changes: Any) -> PixelRequest:
    """Return a request, with some variables changed."""
    found = make_environ(Request(path=b"/ptrack/x/", query=b"a=1", headers=HEADERS))
    return PixelRequest({**found, **changes})


def write_and_read(request: Any, *args: Any, **kwargs: Any) -> Job:
    """Write the job of a pixel's hit, and read it."""
    return read_job(write_job("pixels.Slow", Hit(PIXEL, request, args, kwargs)))


def test_hit_comes_back_as_it_was():
    request = make_request()
    job = write_and_read(request, 1, "a", key=[1.5, None, {"x": True}])
    assert job.callback == "pixels.Slow"
    assert (job.kind, job.target) == (PIXEL, None)
    assert (job.args, job.kwargs) == ([1, "a"], {"key": [1.5, None, {"x": True}]})
    assert job.environ["HTTP_USER_AGENT"] == "Mail/1 \xe9"
    assert job.environ["QUERY_STRING"] == "a=1"
    assert job.environ["wsgi.url_scheme"] == "http"


def test_click_comes_back_with_its_kind_and_target():
    hit = Hit(LINK, make_request(), ["a"], {"k": 1}, "https://h.example/")
    job = read_job(write_job("pixels.Slow", hit))
    assert (job.kind, job.target) == (LINK, "https://h.example/")
    again = job.to_hit("request")
    assert again.arguments == ("request", "https://h.example/", "a")
    assert again.kwargs == {"k": 1}


def test_identity_stays_the_same():
    hit = Hit(PIXEL, make_request(), (), {})
    again = read_job(write_job("x", hit)).to_hit("request")
    assert (again.id, again.at) == (hit.id, hit.at)
    third = read_job(write_job("y", hit)).to_hit("request")
    assert (third.id, third.at) == (hit.id, hit.at)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\U0001f600", "é", '"\\'])
def test_job_is_ascii_whatever_it_carries(text: str):
    """PostgreSQL's jsonb has no U+0000, and UTF-8 no lone surrogates."""
    request = make_request(HTTP_X=text)
    job = write_job("x", Hit(PIXEL, request, [text], {text: text}))
    assert job.isascii()
    assert job.isprintable()
    found = read_job(job)
    assert (found.args, found.kwargs) == ([text], {text: text})
    assert found.environ["HTTP_X"] == text


@pytest.mark.parametrize(
    "name",
    [
        "CONTENT_LENGTH",
        # Django's middleware puts it there, from a cookie.
        "CSRF_COOKIE",
        "HTTP_AUTHORIZATION",
        "HTTP_COOKIE",
        "HTTP_PROXY",
        "HTTP_PROXY_AUTHORIZATION",
    ],
)
def test_secrets_and_the_length_of_the_body_are_left_out(name: str):
    assert name not in write_and_read(make_request(**{name: "1"})).environ


def test_variables_that_are_no_text_are_left_out():
    found = write_and_read(make_request(HTTP_X=object())).environ
    assert "HTTP_X" not in found


def test_only_variables_of_a_request_are_kept():
    """Servers put others there: the environment, objects, the user's session."""
    others = {"SHOP_PASSWORD": "1", "COUNTRY": "NZ", "wsgi.x": "1", "RAW_URI": "/"}
    found = write_and_read(make_request(**others, HTTP_COUNTRY="NZ")).environ
    assert not others.keys() & found.keys()
    assert found["HTTP_COUNTRY"] == "NZ"
    assert {"PATH_INFO", "REQUEST_METHOD", "wsgi.url_scheme"} <= found.keys()


# wsgiref has a copy of the environment as it was when it was imported.
CHANGES = """
os.environ["HTTP_PASSWORD"] = "changed"
del os.environ["DB_PASSWORD"], os.environ["HTTP_REMOVED"]
"""
WSGIREF = """
import os, json
from wsgiref.handlers import SimpleHandler
%s
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
%s
def app(environ, start_response):
    job = json.loads(write_job("x", Hit(PIXEL, environ, [], {})))
    print(json.dumps(job["meta"]))
    start_response("200 OK", [])
    return []
base = {"HTTP_USER_AGENT": "Mail/1", "HTTP_HOST": "h"}
class Handler(SimpleHandler):
    def setup_environ(self):
        super().setup_environ()
        self.environ.update(base)
import io, sys
Handler(io.BytesIO(), io.BytesIO(), sys.stderr, {}).run(app)
"""


@pytest.mark.parametrize("changes", [("", CHANGES), (CHANGES, "")])
def test_environment_is_left_out_though_it_has_changed(changes: tuple[str, str]):
    """Before ptrack was imported, or after it."""
    out = run_python(
        WSGIREF % changes,
        HTTP_PASSWORD="hidden",
        HTTP_REMOVED="hidden",
        DB_PASSWORD="hidden",
        HTTP_HOST="0.0.0.0",
    )
    found = json.loads(out)
    assert "hidden" not in out
    # The environment has a variable of that name, and not of that value.
    assert (found["HTTP_HOST"], found["HTTP_USER_AGENT"]) == ("h", "Mail/1")


def test_copy_of_the_environment_is_that_of_the_server(monkeypatch):
    monkeypatch.setitem(BaseHandler.os_environ, "HTTP_OLD", "hidden")
    request = make_request(HTTP_OLD="hidden")
    assert "HTTP_OLD" not in write_and_read(request).environ
    assert write_and_read(make_request(HTTP_OLD="x")).environ["HTTP_OLD"] == "x"
    monkeypatch.delitem(sys.modules, "wsgiref.handlers")
    assert "HTTP_OLD" in write_and_read(request).environ


CGI = """
import json, os
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
print(json.loads(write_job("x", Hit(PIXEL, dict(os.environ), [], {})))["meta"])
"""


def test_headers_are_kept_under_cgi_though_they_are_the_environment():
    out = run_python(CGI, GATEWAY_INTERFACE="CGI/1.1", HTTP_USER_AGENT="Mail/2")
    assert "'HTTP_USER_AGENT': 'Mail/2'" in out
    assert "PYTHONPATH" not in out


# -- sizes ----------------------------------------------------------------------------

LONG = 5_000_000

CUT = (
    *("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_PURPOSE", "HTTP_REFERER"),
    *("HTTP_SEC_PURPOSE", "HTTP_USER_AGENT", "HTTP_X_FORWARDED_FOR", "HTTP_X_MOZ"),
    *("HTTP_X_PURPOSE", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "SCRIPT_NAME"),
)


@pytest.mark.parametrize(
    "name", ["HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_SEC_PURPOSE", "REMOTE_ADDR"]
)
def test_start_of_a_text_that_is_too_long_is_kept(name: str):
    value = "a" * LONG
    assert write_and_read(make_request(**{name: value})).environ[name] == "a" * 1000


@pytest.mark.parametrize(
    "name", ["HTTP_X", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_HOST", "CONTENT_TYPE"]
)
def test_value_whose_start_may_mean_another_one_is_left_out(name: str):
    found = write_and_read(make_request(**{name: "1.2.3.4," * 126})).environ
    assert name not in found
    assert write_and_read(make_request(**{name: "a" * 1000})).environ[name]


def test_path_is_not_cut_within_a_character():
    django = RequestFactory().get("/" + "a" * 998 + "é" * 5)
    found = PixelRequest(write_and_read(django).environ).path_info
    assert found == "/" + "a" * 998


def test_query_is_cut_between_parameters():
    query = "a=%C3%A9&" * 200
    request = PixelRequest(write_and_read(make_request(QUERY_STRING=query)).environ)
    assert request.GET.getall("a") == ["é"] * 111
    assert (
        write_and_read(make_request(QUERY_STRING="a" * 1001)).environ["QUERY_STRING"]
        == ""
    )


@pytest.mark.parametrize("before", ["6.6.6.6, ", "6.6.6.6, " * 500, "x" * LONG + ","])
@pytest.mark.parametrize(
    "entries", ["", "1.2.3.4", "1.2.3.4, 10.0.0.2", "10.0.0.2", "x" * 2000]
)
def test_client_in_the_worker_is_the_one_in_the_request(
    before: str, entries: str, settings
):
    """The start is a stranger's; an address of it must not move up by a cut."""
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.0/8", "unix:"]
    for peer in ("10.0.0.1", "9.9.9.9", "", "9" * 2000):
        request = make_request(HTTP_X_FORWARDED_FOR=before + entries, REMOTE_ADDR=peer)
        environ = write_and_read(request).environ
        assert client_ip(environ) == client_ip(request)
        assert len(environ["HTTP_X_FORWARDED_FOR"]) <= 1000


def test_mass_of_headers_leaves_room_for_those_that_ptrack_reads(settings):
    settings.PTRACK_TRUSTED_PROXIES = ["10.0.0.0/8"]
    mass = {f"HTTP_{number}": "é" * 1000 for number in range(5000)}
    request = PixelRequest(
        mass
        | make_environ(Request(path=b"/ptrack/x/", headers=HEADERS))
        | {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.2.3.4"}
    )
    hit = Hit(PIXEL, request, ["é" * 3000], {})
    text = write_job("x", hit)
    assert len(text) <= MAX_JOB
    found = read_job(text).environ
    assert client_ip(found) == client_ip(request) == "1.2.3.4"
    assert {"HTTP_USER_AGENT", "PATH_INFO", "HTTP_0"} <= found.keys()
    assert sum(len(n) + len(v) + 6 for n, v in found.items()) <= MAX_VARIABLES


def test_largest_token_and_the_largest_request_make_a_job():
    """The texts of a token take the most room as characters of two bytes."""
    most = dict.fromkeys(CUT, "ÿ" * LONG)
    most |= {f"HTTP_{number}": "\xff" * 1000 for number in range(100)}
    token_content = ["é" * 2950]
    TokenBox("s" * 32).encrypt(*token_content)
    text = write_job("x" * 1000, Hit(PIXEL, PixelRequest(most), token_content, {}))
    assert 200_000 < len(text) <= MAX_JOB
    assert read_job(text).args == token_content


@pytest.mark.parametrize("mount", ["", "/shop"])
def test_request_is_equal_behind_every_adapter(sends: dict[str, Send], mount: str):
    """A worker gets the same request, whatever framework the hit came through."""
    path = ptrack.pixel_url("x").removeprefix("https://www.example.com")
    sent = Request(
        path=path.encode(), query=b"a=1&b=%C3%A9", headers=HEADERS, mount=mount
    )
    found = {}
    for name, send in sends.items():
        (request,) = send(sent).requests
        again = PixelRequest(write_and_read(request).environ)
        assert again.method == request.method == "GET"
        assert dict(again.GET) == dict(request.GET.items()) == {"a": "1", "b": "é"}
        assert again.headers["user-agent"] == request.headers["user-agent"]
        found[name] = (again.path, again.headers.items(), again.url)
    first, *others = found.values()
    for other in others:
        assert (other[0], sorted(other[1]), other[2]) == (
            first[0],
            sorted(first[1]),
            first[2],
        )


def test_path_beyond_ascii_is_the_same_from_django_as_from_wsgi():
    wsgi = make_request(PATH_INFO="/é/".encode().decode("latin-1"))
    django = RequestFactory().get("/é/")
    assert (
        write_and_read(wsgi).environ["PATH_INFO"]
        == write_and_read(django).environ["PATH_INFO"]
    )
    assert PixelRequest(write_and_read(django).environ).path_info == "/é/"


def test_scheme_is_the_one_that_django_believes(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    django = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https"})
    assert (
        PixelRequest(write_and_read(django).environ).scheme == django.scheme == "https"
    )


def test_request_from_django_under_asgi_has_a_protocol_in_the_worker():
    """Its META has no protocol, and WebOb needs one to write it."""
    django = AsyncRequestFactory().get("/a")
    assert "SERVER_PROTOCOL" not in django.META
    assert str(PixelRequest(write_and_read(django).environ)).startswith(
        "GET /a HTTP/1.1"
    )


def test_argument_that_is_no_json_is_an_error():
    with pytest.raises(TypeError):
        write_job("x", Hit(PIXEL, make_request(), [object()], {}))


def test_hit_that_no_worker_could_record_makes_no_job():
    request = make_request()
    naive = Hit(PIXEL, request, [], {})
    naive.identify(UUID(int=7), datetime(2026, 1, 1))
    for hit in (
        naive,
        Hit(LINK, request, [], {}),
        Hit(LINK, request, [], {}, "javascript:alert(1)"),
        Hit(PIXEL, request, [], {}, "https://h.example/"),
        Hit(PIXEL, request, [], {1: 2}),  # type: ignore[dict-item]
        Hit(PIXEL, request, ["x" * MAX_JOB], {}),
    ):
        with pytest.raises((TypeError, ValueError)):
            write_job("x", hit)
    with pytest.raises(ValueError, match="too long"):
        write_job("x" * 1001, Hit(PIXEL, request, [], {}))


JOB = {
    "callback": "x",
    "kind": "pixel",
    "id": UUID(int=7).hex,
    "at": datetime.now(UTC).isoformat(),
    "meta": {},
    "args": [],
    "kwargs": {},
    "target": None,
}


def test_format_of_a_job_is_a_promise():
    """Jobs wait in queues while a site is updated."""
    request = make_request()
    hit = Hit(LINK, request, ["a"], {"k": 1}, "https://h.example/")
    job = json.loads(write_job("pixels.Slow", hit))
    assert job == {
        "callback": "pixels.Slow",
        "kind": "link",
        "id": hit.id.hex,
        "at": hit.at.isoformat(),
        "meta": job["meta"],
        "args": ["a"],
        "kwargs": {"k": 1},
        "target": "https://h.example/",
    }
    assert job["meta"]["HTTP_USER_AGENT"] == "Mail/1 \xe9"
    assert read_job(json.dumps(JOB)).to_hit("request").id == UUID(int=7)


NO_JOBS = {
    "empty": "",
    "text": "secret",
    "list": "[]",
    "null": "null",
    **{
        f"without {name}": json.dumps({n: v for n, v in JOB.items() if n != name})
        for name in JOB
    },
    **{
        f"{name} is text": json.dumps({**JOB, name: "secret"})
        for name in ("id", "at", "meta", "kind")
    },
    "id is a number": json.dumps({**JOB, "id": 1}),
    "kind is a list": json.dumps({**JOB, "kind": []}),
    **{
        f"{name} is {value!r:.20}": json.dumps({**JOB, name: value})
        for name, values in {
            "callback": [{}, None, 5, "x" * LONG, "x" * 1001],
            "id": [None, "", "7", "g" * 32],
            "at": [
                None,
                0,
                "2026-01-01T00:00:00",
                "0001-01-01T00:00:00+23:59",
                "9999-12-31T23:59:59-23:59",
                "1969-12-31T23:59:59+00:00",
                "1970-01-01T00:00:00+01:00",
            ],
            "meta": [None, [], {"HTTP_X": 1}, {"HTTP_X": None}, {"PATH_INFO": []}],
            "args": [None, {}, "abc", 1],
            "kwargs": [None, [], [["a", 1]], "abc"],
            "target": ["https://h.example/", 1],
        }.items()
        for value in values
    },
    **{
        f"link to {target!r}": json.dumps({**JOB, "kind": "link", "target": target})
        for target in (None, 1, "javascript:alert(1)", "https://h/\n")
    },
    "deep": "[" * 100_000,
    "many digits": "1" * 5000,
    "too long": json.dumps({**JOB, "args": ["secret" * 50_000]}),
    "kind is another version's": json.dumps(
        {**JOB, "kind": "later", "args": ["secret"]}
    ),
}


@pytest.mark.parametrize("job", NO_JOBS.values(), ids=NO_JOBS)
def test_text_that_is_no_job_is_refused_and_not_shown(job: str):
    with pytest.raises(ValueError, match=r"^not a job of ptrack \(\w+\)$") as caught:
        read_job(job)
    # An exception that led to it would bring frames that hold the job.
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("job", [None, 5, [], {}, b"{}", ["secret"]])
def test_object_that_is_no_text_is_refused_as_well(job: Any):
    """Celery brings a worker whatever JSON the broker has."""
    with pytest.raises(ValueError, match="not a job"):
        read_job(job)


def test_variables_that_no_job_has_are_not_taken_from_a_broker():
    """WebOb keeps objects of its own in the environ."""
    strange = {"webob.adhoc_attrs": "x", "HTTP_COOKIE": "a=b", "wsgi.input": "x"}
    job = read_job(json.dumps({**JOB, "meta": {**strange, "HTTP_X": "1"}}))
    assert job.environ == {"HTTP_X": "1"}


def test_time_is_in_utc():
    job = read_job(json.dumps({**JOB, "at": "2026-01-01T01:00:00+02:00"}))
    assert job.at.isoformat() == "2025-12-31T23:00:00+00:00"
