"""ptrack.startup: what the log says when a process starts, and what it doesn't."""

import json
import logging
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.http import HttpResponse
from django.test import Client, override_settings

import ptrack
from ptrack import asgi, endpoints, views, wsgi
from ptrack.core.callbacks import Tracker
from ptrack.middleware import PtrackMiddleware
from tests.recording import empty_tracker, register_clicks, register_recorder

MIRRORS = {"WSGI": wsgi.mirror, "ASGI": asgi.mirror}
GOOD: dict[str, Any] = {"secret": "s" * 32, "prefix": "/ptrack/"}

each_mirror = pytest.mark.parametrize("mirror", MIRRORS.values(), ids=MIRRORS)


@pytest.fixture(autouse=True)
def no_callbacks() -> Iterator[None]:
    views._warn_once.cache_clear()
    with empty_tracker(ptrack.tracker):
        yield
    views._warn_once.cache_clear()


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return a function that returns the warnings of the logger so far."""
    return lambda: [
        each.getMessage()
        for each in caplog.records
        if (each.name, each.levelno) == ("ptrack", logging.WARNING)
    ]


def start_django() -> PtrackMiddleware:
    return PtrackMiddleware(lambda request: HttpResponse())


# -- callbacks ------------------------------------------------------------------------

LOST = "No callback is registered, so every hit is answered and thrown away. "


@each_mirror
def test_mirror_without_a_callback_warns_once_and_not_for_each_hit(mirror, warnings):
    made = mirror(**GOOD, app_url="https://h.example")
    (message,) = warnings()
    assert message.startswith(LOST)
    if mirror is wsgi.mirror:
        for _ in range(3):
            path = made.pixel_url().removeprefix("https://h.example")
            made({"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda *_: None)
    assert warnings() == [message]


@each_mirror
@pytest.mark.parametrize("register", [register_recorder, register_clicks])
def test_mirror_with_a_callback_of_any_kind_is_silent(mirror, register, warnings):
    with register(ptrack.tracker):
        mirror(**GOOD)
    assert warnings() == []


@each_mirror
def test_callbacks_count_in_the_registry_that_is_used(mirror, warnings):
    own = Tracker("own")
    with register_recorder(own):
        mirror(**GOOD, tracker=own)
        assert warnings() == []
        mirror(**GOOD)
    assert len(warnings()) == 1


@pytest.mark.usefixtures("outside_django")
def test_message_outside_django_says_what_to_do_and_where(
    monkeypatch, tmp_path, warnings
):
    monkeypatch.chdir(tmp_path)
    wsgi.mirror()
    (message,) = warnings()
    assert f"in the working directory, which is {tmp_path}, or in a module" in message
    assert "Not imported" not in message


@pytest.mark.usefixtures("outside_django")
@pytest.mark.parametrize("name", ["pixel.py", "Pixels.py", "pixles.py", "a/pixels.py"])
def test_file_that_was_probably_meant_is_named(monkeypatch, tmp_path, name, warnings):
    (tmp_path / "a").mkdir()
    (tmp_path / name).touch()
    (tmp_path / "models.py").touch()
    monkeypatch.chdir(tmp_path)
    wsgi.mirror()
    assert warnings()[0].endswith(f" Not imported: {tmp_path / name}.")


@pytest.mark.usefixtures("outside_django")
def test_link_that_leads_nowhere_is_named_beside_modules_without_a_file(
    monkeypatch, tmp_path, warnings
):
    """Those in an archive have none; both paths lead to no file, and differ."""
    zipped = types.ModuleType("zipped")
    zipped.__file__ = str(tmp_path / "app.zip/zipped.py")
    monkeypatch.setitem(sys.modules, "zipped", zipped)
    (tmp_path / "pixels.py").symlink_to(tmp_path / "missing.py")
    monkeypatch.chdir(tmp_path)
    wsgi.mirror()
    assert warnings()[0].endswith(f" Not imported: {tmp_path / 'pixels.py'}.")


@pytest.mark.usefixtures("outside_django")
def test_working_directory_that_is_gone_keeps_no_server_from_starting(
    monkeypatch, tmp_path, warnings
):
    place = tmp_path / "gone"
    place.mkdir()
    monkeypatch.chdir(place)
    place.rmdir()
    wsgi.mirror()
    assert "in the working directory, or in a module" in warnings()[0]


class Unimportable:
    """A module that is imported when it is used, and can't be."""

    def __getattr__(self, name: str) -> Any:
        raise ModuleNotFoundError(name)


@pytest.mark.usefixtures("outside_django")
def test_module_that_raises_when_it_is_looked_at_keeps_no_server_from_starting(
    monkeypatch, warnings
):
    monkeypatch.setitem(sys.modules, "lazy", Unimportable())
    wsgi.mirror()
    assert warnings()[0].startswith(LOST)


@pytest.mark.usefixtures("outside_django")
def test_name_of_a_directory_cannot_fake_a_line_of_the_log(
    monkeypatch, tmp_path, warnings
):
    place = tmp_path / "a\nERROR faked"
    place.mkdir()
    (place / "pixel.py").touch()
    monkeypatch.chdir(place)
    wsgi.mirror()
    assert "\n" not in warnings()[0]
    assert warnings()[0].count("a\\nERROR faked") == 2


def test_django_s_middleware_without_a_callback_warns(warnings):
    start_django()
    (message,) = warnings()
    assert message.startswith(f"{LOST}Register one (ptrack.tracker.register) in the ")
    assert "INSTALLED_APPS" in message


@override_settings(INSTALLED_APPS=[])
def test_app_that_is_not_installed_is_named_first(warnings):
    start_django()
    assert warnings()[0].startswith(f'{LOST}Add "ptrack" to INSTALLED_APPS')


def test_process_that_has_not_set_up_django_is_told_to(monkeypatch, warnings):
    monkeypatch.setattr(apps, "ready", False)
    wsgi.mirror()
    assert warnings()[0].startswith(f"{LOST}Call django.setup() first, which imports")


def test_django_s_middleware_with_a_callback_is_silent(warnings):
    with register_recorder(ptrack.tracker):
        start_django()
    assert warnings() == []


@override_settings(ROOT_URLCONF="tests.urlconfs.registering", PTRACK_PREFIX="/p/")
def test_callback_that_the_urlconf_registers_counts(warnings):
    start_django()
    assert warnings() == []
    assert len(ptrack.tracker.callbacks) == 1


@override_settings(ROOT_URLCONF="tests.urlconfs.broken")
def test_urlconf_that_cannot_be_imported_is_logged_once(warnings):
    for prefix in (None, "/p/"):
        with override_settings(PTRACK_PREFIX=prefix):
            start_django()
    assert [each.partition(" ")[0] for each in warnings()] == ["The", "No"] * 2


@override_settings(MIDDLEWARE=[], ROOT_URLCONF="tests.urlconfs.included")
def test_view_without_a_callback_warns_at_the_first_request_alone(warnings):
    for _ in range(3):
        assert Client().get("/ptrack/garbage/").status_code == 200
    (message,) = warnings()
    assert message.startswith(LOST)


def test_process_that_only_makes_urls_is_silent(warnings):
    assert ptrack.pixel_url()
    assert warnings() == []


@pytest.mark.usefixtures("outside_django")
def test_process_that_only_makes_urls_outside_django_is_silent(warnings):
    assert ptrack.pixel_url()
    assert warnings() == []


# -- settings -------------------------------------------------------------------------


def short(name: str) -> str:
    return f"{name} is shorter than 32 bytes: anyone who has a URL can guess it offline"


@each_mirror
def test_each_short_secret_is_named_by_its_number(mirror, warnings):
    with register_recorder(ptrack.tracker):
        mirror(secret="tiny", secret_fallbacks=["x" * 32, "tinier", b"tiniest"])
    assert warnings() == [
        short("PTRACK_SECRET"),
        short("PTRACK_SECRET_FALLBACKS[1]"),
        short("PTRACK_SECRET_FALLBACKS[2]"),
    ]


@each_mirror
@override_settings(PTRACK_SECRET=None)
def test_encoder_without_a_secret_has_no_short_one(mirror, warnings):
    with register_recorder(ptrack.tracker):
        mirror(encoder=ptrack.PtrackEncoder)
    assert warnings() == []


@pytest.mark.usefixtures("outside_django")
def test_short_secret_of_a_process_that_makes_urls_is_named_once(monkeypatch, warnings):
    endpoints._build_once.cache_clear()
    monkeypatch.setenv("PTRACK_SECRET", "tiny")
    monkeypatch.setenv("PTRACK_SECRET_FALLBACKS", json.dumps(["tinier"]))
    for _ in range(3):
        ptrack.pixel_url()
    assert warnings() == [
        short("PTRACK_SECRET"),
        short("PTRACK_SECRET_FALLBACKS[0]"),
    ]


@each_mirror
@pytest.mark.usefixtures("outside_django")
def test_variable_without_an_effect_is_named_without_its_value(
    mirror, monkeypatch, warnings
):
    monkeypatch.setattr("ptrack.conf.find_spec", lambda name: None)
    for name, value in {
        "PTRACK_HONOR_GPC": "hidden",
        "PTRACK_COLOUR": "hidden",
        "PTRACK_BACKGROUND_QUEUE": "hidden",
        "PTRACK_TRUSTED_PROXIES": "10.0.0.1",
        "PTRACK_STATS_KEY": "hidden",
    }.items():
        monkeypatch.setenv(name, value)
    with register_recorder(ptrack.tracker):
        mirror()
    assert warnings() == [
        "PTRACK_BACKGROUND_QUEUE has no effect without PTRACK_BACKGROUND",
        "PTRACK_TRUSTED_PROXIES has no effect without python-ipware",
        'PTRACK_STATS_KEY has no effect without "ptrack.stats" in INSTALLED_APPS',
        "PTRACK_COLOUR is no setting of ptrack",
        "PTRACK_HONOR_GPC is no setting of ptrack: PTRACK_HONOUR_GPC is one",
    ]


@pytest.mark.usefixtures("outside_django")
def test_name_of_a_variable_cannot_fake_a_line_of_the_log(monkeypatch, warnings):
    monkeypatch.setenv("PTRACK_COLOUR\nERROR faked", "red")
    with register_recorder(ptrack.tracker):
        wsgi.mirror(**GOOD)
    assert warnings() == ["PTRACK_COLOUR\\nERROR faked is no setting of ptrack"]


@each_mirror
def test_under_django_the_environment_is_not_looked_at(mirror, monkeypatch, warnings):
    monkeypatch.setenv("PTRACK_HONOR_GPC", "true")
    with register_recorder(ptrack.tracker):
        mirror(**GOOD)
    assert warnings() == []
