"""ptrack.urlconf: where a URLconf has the pixels."""

import pytest
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation

from ptrack.urlconf import Place, place_in, view_at
from ptrack.views import TrackingPixel


def test_place_is_what_reverse_says_and_none_where_it_says_nothing():
    assert place_in("tests.urlconfs.track", "en") == Place("/track/", "/")
    assert place_in("tests.urlconfs.own_view", "en") == Place("/img/", ".gif")
    assert place_in("tests.urlconfs.empty", "en") is None


def test_urlconf_that_cannot_be_imported_raises_what_it_raises():
    with pytest.raises(RuntimeError, match="this URLconf is broken"):
        place_in("tests.urlconfs.broken", "en")


def test_place_is_that_of_an_app_at_the_root_in_the_sites_language():
    """Whatever the mount and the language of the request at hand, which stay."""
    place_in.cache_clear()
    set_script_prefix("/mounted/")
    try:
        with translation.override("de"):
            place = place_in("tests.urlconfs.localised", "en-us")
            assert translation.get_language() == "de"
        assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")
    assert place == Place("/en-us/track/", "/")


@override_settings(ROOT_URLCONF="tests.urlconfs.track")
def test_view_is_the_one_that_a_pixel_at_the_place_is_routed_to():
    assert view_at(Place("/track/", "/"), "en").view_class is TrackingPixel
    assert view_at(Place("/page/", "/"), "en") is None
