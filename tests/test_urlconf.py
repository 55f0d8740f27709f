"""ptrack.urlconf: the place of the pixels in a URLconf."""

import pytest
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation

from ptrack.urlconf import Place, find_place, find_view
from ptrack.views import TrackingPixel


def test_place_is_the_one_that_reverse_finds():
    assert find_place("tests.urlconfs.track", "en") == Place("/track/", "/")
    assert find_place("tests.urlconfs.own_view", "en") == Place("/img/", ".gif")
    assert find_place("tests.urlconfs.empty", "en") is None


def test_exception_of_a_urlconf_passes_through():
    with pytest.raises(RuntimeError, match="this URLconf is broken"):
        find_place("tests.urlconfs.broken", "en")


def test_place_is_the_same_for_every_mount_and_language_of_a_request():
    """Those of the request at hand stay as they are."""
    find_place.cache_clear()
    set_script_prefix("/mounted/")
    try:
        with translation.override("de"):
            place = find_place("tests.urlconfs.localised", "en-us")
            assert translation.get_language() == "de"
        assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")
    assert place == Place("/en-us/track/", "/")


@override_settings(ROOT_URLCONF="tests.urlconfs.track")
def test_view_is_the_one_that_gets_the_pixels_of_a_place():
    assert find_view(Place("/track/", "/"), "en").view_class is TrackingPixel
    assert find_view(Place("/page/", "/"), "en") is None
