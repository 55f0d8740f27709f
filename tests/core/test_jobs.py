"""ptrack.core.jobs: a hit as text, and as a hit again."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import AsyncRequestFactory, RequestFactory

import ptrack
from ptrack.core.hits import Hit
from ptrack.core.jobs import Job, read_job, write_job
from ptrack.core.kinds import LINK, PIXEL
from ptrack.requests import PixelRequest
from tests.adapters import Request, Send, make_environ

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
    found = write_and_read(make_request(**{"app.user": object()})).environ
    assert not {"wsgi.input", "wsgi.version", "wsgi.errors", "app.user"} & set(found)


def test_variables_of_the_process_are_left_out(monkeypatch: pytest.MonkeyPatch):
    """Python's own servers put all of them into the environ."""
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    monkeypatch.setenv("COUNTRY", "of the server")
    found = write_and_read(
        make_request(DATABASE_PASSWORD="hidden", COUNTRY="NZ")
    ).environ
    assert "DATABASE_PASSWORD" not in found
    # A proxy's variable about the client is the request's, though.
    assert found["COUNTRY"] == "NZ"


def test_variables_of_cgi_are_kept_though_they_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in (("REMOTE_ADDR", "192.0.2.1"), ("HTTP_USER_AGENT", "Mail/2")):
        monkeypatch.setenv(name, value)
    found = write_and_read(
        make_request(REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Mail/2")
    )
    assert found.environ["REMOTE_ADDR"] == "192.0.2.1"
    assert found.environ["HTTP_USER_AGENT"] == "Mail/2"


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
