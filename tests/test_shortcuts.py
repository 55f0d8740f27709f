"""ptrack.shortcuts: pixel_url and pixel_tag with the project's settings."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import set_script_prefix
from django.utils.safestring import SafeString

import ptrack
from ptrack import shortcuts
from ptrack.core.kinds import LINK
from ptrack.exceptions import PtrackConfigurationError
from ptrack.shortcuts import make_owner

HOST = "https://www.example.com"


def read_url(url: str, start: str) -> object:
    assert url.startswith(start)
    return ptrack.PtrackEncoder.decrypt(url.removeprefix(start).removesuffix("/"))


def test_url_carries_the_arguments_and_is_safe_in_templates():
    url = ptrack.pixel_url("a", key="value")
    assert isinstance(url, SafeString)
    assert read_url(url, HOST + "/ptrack/") == (["a"], {"key": "value"})


def test_tag_holds_such_a_url_and_is_safe_in_templates():
    tag = ptrack.pixel_tag("a", key="value")
    assert isinstance(tag, SafeString)
    url = tag.removeprefix('<img src="').removesuffix('" width=1 height=1>')
    assert read_url(url, HOST + "/ptrack/") == (["a"], {"key": "value"})


@pytest.mark.parametrize(
    ("attributes", "end"),
    [
        (None, " width=1 height=1>"),
        ("", ">"),
        (" ", ">"),
        (' width="1" height="1" alt="" ', ' width="1" height="1" alt="">'),
        ('alt="" /', ' alt="" />'),
    ],
)
def test_tag_has_the_attributes_of_the_setting(attributes, end):
    with override_settings(PTRACK_IMG_ATTRIBUTES=attributes):
        tag = ptrack.pixel_tag("a")
    url = tag.removeprefix('<img src="').removesuffix(f'"{end}')
    assert read_url(url, HOST + "/ptrack/") == (["a"], {})
    assert isinstance(tag, SafeString)
    assert ptrack.pixel_tag().endswith('" width=1 height=1>')


@pytest.mark.usefixtures("outside_django")
def test_outside_django_the_attributes_are_in_the_environment(monkeypatch):
    for text, end in ((' alt="" ', '" alt="">'), ("", '" width=1 height=1>')):
        monkeypatch.setenv("PTRACK_IMG_ATTRIBUTES", text)
        assert ptrack.pixel_tag().endswith(f"/{end}")


def test_url_is_below_the_mount_as_that_of_reverse():
    set_script_prefix("/mounted/")
    try:
        assert ptrack.pixel_url().startswith(HOST + "/mounted/ptrack/")
    finally:
        set_script_prefix("/")


@pytest.mark.parametrize("render", [ptrack.pixel_url, ptrack.pixel_tag])
@pytest.mark.parametrize("nothing", [None, ""])
def test_missing_app_url_is_improperly_configured(render, nothing):
    with (
        override_settings(PTRACK_APP_URL=nothing),
        pytest.raises(ImproperlyConfigured, match="PTRACK_APP_URL is not set"),
    ):
        render("a")


def test_app_url_of_a_300_site_is_taken_as_it_is():
    """The tests of 3.0.0 set one without a scheme; the system check complains of it."""
    with override_settings(PTRACK_APP_URL="localhost"):
        assert ptrack.pixel_url().startswith("localhost/ptrack/")


def test_bad_argument_is_refused_by_name():
    with pytest.raises(TypeError, match="keyword argument 'when' of type object"):
        ptrack.pixel_tag(when=object())


@pytest.mark.usefixtures("outside_django")
def test_outside_django_the_environment_is_read(monkeypatch):
    url = ptrack.pixel_url("a")
    assert read_url(url, "https://env.example/ptrack/") == (["a"], {})
    assert type(url) is str
    assert url[:27] in ptrack.pixel_tag()
    monkeypatch.delenv("PTRACK_APP_URL")
    with pytest.raises(PtrackConfigurationError, match="PTRACK_APP_URL is not set"):
        ptrack.pixel_url()


def test_link_is_safe_in_templates_and_below_the_mount():
    set_script_prefix("/mounted/")
    try:
        url = ptrack.link_url("https://h.example/", "a", url=1)
    finally:
        set_script_prefix("/")
    assert isinstance(url, SafeString)
    assert url.startswith(HOST + "/mounted/ptrack/link/")


def test_link_outside_django_comes_from_the_environment(outside_django):
    url = ptrack.link_url("https://h.example/")
    assert type(url) is str
    assert url.startswith("https://env.example/ptrack/link/")


def test_owner_recognises_own_urls_below_the_mount():
    set_script_prefix("/mounted/")
    try:
        owns = make_owner()
        assert owns(ptrack.pixel_url())
        assert owns(ptrack.link_url("https://shop.example"))
        assert not owns(HOST + "/ptrack/")
    finally:
        set_script_prefix("/")


@pytest.mark.usefixtures("outside_django")
def test_owner_recognises_own_urls_outside_django():
    owns = make_owner()
    assert owns(ptrack.pixel_url())
    assert not owns("https://shop.example")


def check_reading():
    url = ptrack.link_url("https://shop.example/", 1, a=2)
    carried = shortcuts.read_url(url)
    assert (carried.kind, carried.target) == (LINK, "https://shop.example/")
    assert (carried.args, carried.kwargs) == ((1,), {"a": 2})
    assert shortcuts.read_url(ptrack.pixel_url(3)).args == (3,)
    assert shortcuts.read_url(url.replace("/link/", "/")) is None
    assert shortcuts.read_url("https://shop.example/") is None


def test_own_urls_are_read():
    check_reading()


@pytest.mark.usefixtures("outside_django")
def test_own_urls_are_read_outside_django():
    check_reading()
