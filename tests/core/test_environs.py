"""ptrack.core.environs: one way to read a request, whatever it comes from."""

from types import SimpleNamespace
from typing import Any

import pytest
import webob
from django.test import AsyncRequestFactory, RequestFactory

from ptrack.core.environs import environ_of, text
from ptrack.wsgi import PixelRequest

HEADERS = {"HTTP_USER_AGENT": "Mail/1"}


@pytest.mark.parametrize(
    "request_",
    [
        RequestFactory().get("/", headers={"user-agent": "Mail/1"}),
        AsyncRequestFactory().get("/", headers={"user-agent": "Mail/1"}),
        PixelRequest.blank("/", headers={"User-Agent": "Mail/1"}),
        webob.Request.blank("/", headers={"User-Agent": "Mail/1"}),
        SimpleNamespace(environ=HEADERS),
        HEADERS,
    ],
    ids=["django", "django-asgi", "ptrack", "webob", "environ", "dict"],
)
def test_environ_is_found(request_: Any):
    assert text(environ_of(request_), "HTTP_USER_AGENT") == "Mail/1"
    assert text(environ_of(request_), "HTTP_SEC_GPC") == ""


@pytest.mark.parametrize("wrong", [None, "request", SimpleNamespace(META=None), []])
def test_what_is_no_request_is_an_error_that_says_so(wrong):
    with pytest.raises(TypeError, match=f"not {type(wrong).__name__}$"):
        environ_of(wrong)


@pytest.mark.parametrize("value", [None, b"Mail/1", 1, ["Mail/1"]])
def test_value_that_is_no_text_is_none(value):
    assert text({"HTTP_USER_AGENT": value}, "HTTP_USER_AGENT") == ""
