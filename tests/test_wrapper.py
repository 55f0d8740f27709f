"""ptrack.wrapper: the part that the WSGI and the ASGI middleware share.

Their options are tested with the settings, in test_conf.
"""

import logging
from typing import Any

import pytest

import ptrack
from ptrack import asgi, wsgi
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Carried
from ptrack.core.kinds import LINK, PIXEL
from ptrack.exceptions import PtrackConfigurationError

MIRRORS = {"WSGI": wsgi.mirror, "ASGI": asgi.mirror}
HOST = "https://h.example"
OPTIONS: dict[str, Any] = {"secret": "s" * 32, "app_url": HOST, "prefix": "/p/"}

each_mirror = pytest.mark.parametrize("mirror", MIRRORS.values(), ids=MIRRORS)


@each_mirror
def test_urls_carry_the_arguments(mirror):
    made = mirror(**OPTIONS)
    pixel = made.pixel_url("a", self=1)
    path, carried = made.read_url(pixel)
    assert path == pixel.removeprefix(HOST)
    assert carried == Carried(PIXEL, ("a",), {"self": 1}, None)
    link = made.link_url("https://target.example/", "a", url=1)
    path, carried = made.read_url(link)
    assert path == link.removeprefix(HOST)
    assert carried == Carried(LINK, ("a",), {"url": 1}, "https://target.example/")
    assert made.read_url(f"{HOST}/p/garbage/") is None


@each_mirror
def test_tag_holds_a_url(mirror):
    made = mirror(**OPTIONS)
    tag = made.pixel_tag("a", self=1)
    url = tag.removeprefix('<img src="').removesuffix('" width=1 height=1>')
    assert made.read_url(url)[1] == Carried(PIXEL, ("a",), {"self": 1}, None)


@each_mirror
def test_engine_that_cannot_be_loaded_is_an_error_at_start_up(mirror):
    with pytest.raises(PtrackConfigurationError, match="rabbit is neither"):
        mirror(**OPTIONS, background="rabbit")


@each_mirror
@pytest.mark.parametrize("engine", [None, "tests.test_conf.Engine"])
def test_callback_for_the_background_without_an_engine_is_a_warning(
    mirror, engine, own_tracker: Tracker, caplog
):
    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None: ...

    mirror(**OPTIONS, tracker=own_tracker, background=engine)
    logged = [each for each in caplog.records if each.levelno == logging.WARNING]
    expected = [] if engine else [f"{Slow.__module__}.{Slow.__qualname__}"]
    assert [each.args[0] for each in logged] == expected
    assert all("PTRACK_BACKGROUND" in each.getMessage() for each in logged)
