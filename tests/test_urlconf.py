"""ptrack.urlconf: the place of the pixels in a URLconf."""

import pytest
from django.middleware.locale import LocaleMiddleware
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation

from ptrack.urlconf import Place, Routing, find_place, find_views, uses_middleware
from ptrack.views import TrackingPixel
from tests.localised import LOCALE

LOCALISED = "tests.urlconfs.localised"


def find_place_in(urlconf: str) -> Place | None:
    return find_place(Routing(f"tests.urlconfs.{urlconf}", "en"))


def test_place_is_the_one_that_reverse_finds():
    assert find_place_in("track") == Place("/track/", "/")
    assert find_place_in("own_view") == Place("/img/", ".gif")
    assert find_place_in("empty") is None


def test_exception_of_a_urlconf_passes_through():
    with pytest.raises(RuntimeError, match="this URLconf is broken"):
        find_place_in("broken")


@pytest.mark.parametrize("active", ["de", "en-us", None])
def test_place_is_the_same_for_every_mount_and_language_of_a_request(active):
    """Those of the request at hand stay as they are."""
    find_place.cache_clear()
    set_script_prefix("/mounted/")
    try:
        with translation.override(active):
            place = find_place(Routing(LOCALISED, "en-us", ("en", "de"), (LOCALE,)))
            assert translation.get_language() == active
        assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")
    assert place == Place("/en/track/", "/")


@override_settings(LANGUAGE_CODE="pt-BR")
def test_default_language_stays_as_it_is_written():
    """Activated, it would be in lower case, and Django would route other paths."""
    assert translation.get_language() == "pt-BR"
    assert find_place(Routing(LOCALISED, "pt-BR")) == Place("/pt-BR/track/", "/")
    assert translation.get_language() == "pt-BR"


@pytest.mark.parametrize("middleware", [(), (LOCALE,)])
def test_views_are_those_that_get_the_pixels_of_a_place(middleware):
    routing = Routing("tests.urlconfs.track", "en", ("en", "de"), middleware)
    (*_, last) = found = find_views(Place("/track/", "/"), routing)
    assert len(found) == 1 + len(middleware)
    assert {each.view_class for each in found} == {TrackingPixel}
    assert set(find_views(Place("/page/", "/"), routing)) == {None}
    assert last is not None


def test_middleware_is_found_by_its_class():
    class_path = f"{__name__}.Derived"
    assert uses_middleware([class_path], LocaleMiddleware)
    assert not uses_middleware([class_path, "no.such.Class"], TrackingPixel)


class Derived(LocaleMiddleware):
    """A site's own middleware."""
