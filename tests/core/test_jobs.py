"""ptrack.core.jobs: a hit as text, and what is read from it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import AsyncRequestFactory, RequestFactory

import ptrack
from ptrack.core import jobs
from ptrack.core.hits import KEY
from ptrack.requests import PixelRequest
from tests.adapters import Request, Send, environ_of

HEADERS = (
    ("Host", "www.example.com"),
    ("User-Agent", "Mail/1 \xe9"),
    ("Accept-Language", "en"),
)


def request_of(**changes: Any) -> PixelRequest:
    found = environ_of(Request(path=b"/ptrack/x/", query=b"a=1", headers=HEADERS))
    return PixelRequest({**found, **changes})


def read_of(request: Any, *args: Any, **kwargs: Any) -> jobs.Job:
    return jobs.read(jobs.job_of("pixels.Slow", request, args, kwargs))


def test_what_goes_in_comes_out():
    request = request_of()
    job = read_of(request, 1, "a", key=[1.5, None, {"x": True}])
    assert job.callback == "pixels.Slow"
    assert (job.args, job.kwargs) == ([1, "a"], {"key": [1.5, None, {"x": True}]})
    assert job.environ["HTTP_USER_AGENT"] == "Mail/1 \xe9"
    assert job.environ["QUERY_STRING"] == "a=1"
    assert job.environ["wsgi.url_scheme"] == "http"


def test_hit_stays_the_same():
    request = request_of()
    again = PixelRequest(read_of(request).environ)
    assert ptrack.hit(again) == ptrack.hit(request)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\U0001f600", "é", '"\\'])
def test_job_is_ascii_whatever_it_carries(text: str):
    """PostgreSQL's jsonb has no U+0000, and UTF-8 no lone surrogates."""
    job = jobs.job_of("x", request_of(HTTP_X=text), [text], {text: text})
    assert job.isascii()
    assert job.isprintable()
    found = jobs.read(job)
    assert (found.args, found.kwargs) == ([text], {text: text})
    assert found.environ["HTTP_X"] == text


@pytest.mark.parametrize(
    "name",
    [
        "CONTENT_LENGTH",
        # By Django's middleware, of a cookie.
        "CSRF_COOKIE",
        "HTTP_AUTHORIZATION",
        "HTTP_COOKIE",
        "HTTP_PROXY",
        "HTTP_PROXY_AUTHORIZATION",
    ],
)
def test_what_a_broker_is_no_place_for_is_left_out(name: str):
    assert name not in read_of(request_of(**{name: "1"})).environ


def test_what_is_no_text_is_left_out():
    found = read_of(request_of(**{"app.user": object()})).environ
    assert not {"wsgi.input", "wsgi.version", "wsgi.errors", "app.user"} & set(found)


def test_variables_of_the_process_are_left_out(monkeypatch: pytest.MonkeyPatch):
    """Servers that come with Python put them all into the environ."""
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    monkeypatch.setenv("COUNTRY", "of the server")
    found = read_of(request_of(DATABASE_PASSWORD="hidden", COUNTRY="NZ")).environ
    assert "DATABASE_PASSWORD" not in found
    # What a proxy says of the client is the request's own, though.
    assert found["COUNTRY"] == "NZ"


def test_under_cgi_the_request_is_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in (("REMOTE_ADDR", "192.0.2.1"), ("HTTP_USER_AGENT", "Mail/2")):
        monkeypatch.setenv(name, value)
    found = read_of(request_of(REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Mail/2"))
    assert found.environ["REMOTE_ADDR"] == "192.0.2.1"
    assert found.environ["HTTP_USER_AGENT"] == "Mail/2"


@pytest.mark.parametrize("mount", ["", "/shop"])
def test_request_is_equal_behind_every_adapter(sends: dict[str, Send], mount: str):
    """Whatever framework got the hit, a worker sees the same request."""
    path = ptrack.pixel_url("x").removeprefix("https://www.example.com")
    sent = Request(
        path=path.encode(), query=b"a=1&b=%C3%A9", headers=HEADERS, mount=mount
    )
    found = {}
    for name, send in sends.items():
        (request,) = send(sent).requests
        again = PixelRequest(read_of(request).environ)
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
    wsgi = request_of(PATH_INFO="/é/".encode().decode("latin-1"))
    django = RequestFactory().get("/é/")
    assert read_of(wsgi).environ["PATH_INFO"] == read_of(django).environ["PATH_INFO"]
    assert PixelRequest(read_of(django).environ).path_info == "/é/"


def test_scheme_is_the_one_that_django_believes(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    django = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https"})
    assert PixelRequest(read_of(django).environ).scheme == django.scheme == "https"


def test_request_from_django_under_asgi_can_be_written_down():
    """Its META has no protocol."""
    django = AsyncRequestFactory().get("/a")
    assert "SERVER_PROTOCOL" not in django.META
    assert str(PixelRequest(read_of(django).environ)).startswith("GET /a HTTP/1.1")


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        jobs.job_of("x", request_of(), [object()], {})


JOB = {
    "callback": "x",
    "id": UUID(int=7).hex,
    "at": datetime.now(UTC).isoformat(),
    "meta": {},
    "args": [],
    "kwargs": {},
}


def test_job_that_is_written_by_hand_is_read():
    assert jobs.read(json.dumps(JOB)).environ[KEY].id == UUID(int=7)


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
        for name in ("id", "at", "meta")
    },
    "id is a number": json.dumps({**JOB, "id": 1}),
}


@pytest.mark.parametrize("job", NO_JOBS.values(), ids=NO_JOBS)
def test_what_is_no_job_is_refused_and_not_shown(job: str):
    with pytest.raises(ValueError, match=r"^not a job of ptrack \(\w+\)$") as caught:
        jobs.read(job)
    assert caught.value.__suppress_context__
