"""ptrack.checks: every mistake has its message, id and hint."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

import ptrack
from ptrack.checks import check_callbacks, check_in_use, check_include
from ptrack.conf import SETTINGS
from ptrack.endpoints import get_django_endpoint
from ptrack.middleware import PtrackMiddleware
from tests.recording import empty_tracker, register_clicks
from tests.test_conf import BAD

ENGINE = "tests.test_conf.Engine"

pytestmark = pytest.mark.usefixtures("recorder")


def find_messages(*, deploy: bool = False) -> dict[str, checks.CheckMessage]:
    messages = checks.run_checks(include_deployment_checks=deploy)
    return {m.id: m for m in messages if str(m.id).startswith("ptrack.")}


def test_site_that_is_set_up_right_has_no_message():
    assert find_messages() == {}


@pytest.mark.parametrize(
    ("setting", "bad"),
    [
        (setting, bad)
        for setting in SETTINGS
        if setting.app == "ptrack"
        for bad, _ in BAD[setting.name]
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_bad_value_has_the_id_and_the_hint_of_the_table(setting, bad):
    # A queue without an engine has a message of its own.
    with override_settings(**{"PTRACK_BACKGROUND": ENGINE, setting.name: bad}):
        ((name, message),) = find_messages().items()
    assert name == setting.id
    assert message.level == checks.ERROR
    assert message.msg == f"{setting.find_problem(bad)}."
    assert message.hint == setting.hint


@override_settings(PTRACK_STATS_KEY="", PTRACK_STATS_IP="all")
def test_bad_value_for_an_app_that_is_not_installed_is_an_error_too():
    """It stops the site, as `test_conf` shows, whether it has an effect or not."""
    assert sorted(find_messages()) == ["ptrack.E011", "ptrack.E012", "ptrack.W009"]
    with pytest.raises(ImproperlyConfigured, match="PTRACK_STATS_KEY must be"):
        get_django_endpoint()


@override_settings(PTRACK_STATS_IP="short")
def test_good_value_for_an_app_that_is_not_installed_is_without_an_effect():
    (message,) = find_messages().values()
    assert message.id == "ptrack.W009"
    assert message.msg == (
        'PTRACK_STATS_IP has no effect without "ptrack.stats" in INSTALLED_APPS.'
    )
    get_django_endpoint()


@pytest.mark.parametrize("missing", ["None", "deleted"])
def test_secret_that_is_missing_has_the_id_and_the_hint_of_the_table(
    settings: Any, missing: str
):
    settings.PTRACK_SECRET = None
    if missing == "deleted":
        del settings.PTRACK_SECRET
    ((name, message),) = find_messages().items()
    assert (name, message.msg) == ("ptrack.E001", "PTRACK_SECRET is not set.")
    assert message.hint == SETTINGS[0].hint


@pytest.mark.parametrize(
    ("expected", "level", "settings"),
    [
        (
            "ptrack.E013",
            checks.ERROR,
            {
                "MIDDLEWARE": [],
                "PTRACK_PREFIX": "/other/",
                "ROOT_URLCONF": "tests.urlconfs.track",
            },
        ),
        (
            "ptrack.E013",
            checks.ERROR,
            {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.namespaced"},
        ),
        ("ptrack.E014", checks.ERROR, {"PTRACK_BACKGROUND": "rabbit"}),
        ("ptrack.E014", checks.ERROR, {"PTRACK_BACKGROUND": "celery:no.such.app"}),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET": "x" * 31}),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET": "é" * 15}),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET": b"x" * 31}),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET_FALLBACKS": ["x" * 31]}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": []}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": ["no.such.Middleware"]}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": ["tests.urlconfs.broken.A"]}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": [f"{__name__}.function"]}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": [f"{__name__}.Unrelated"]}),
    ],
)
def test_other_mistake_has_one_message_with_a_hint(expected, level, settings):
    with override_settings(**settings):
        ((name, message),) = find_messages().items()
    assert name == expected
    assert message.level == level
    assert len(message.hint) > 20
    assert message.hint.endswith(".")
    assert message.msg.endswith(".")


class Derived(PtrackMiddleware):
    """A site's own middleware."""


class Unrelated:
    """A middleware of another kind."""


def return_response(get_response: Any) -> Any:
    return get_response


def test_message_about_a_secret_does_not_show_it():
    with override_settings(PTRACK_SECRET="top-secret" * 4):
        (message,) = find_messages().values()
    assert "top-secret" not in str(message)
    with override_settings(PTRACK_SECRET_FALLBACKS=["top-secret" * 4]):
        (message,) = find_messages().values()
    assert "top-secret" not in str(message)


@pytest.mark.parametrize(
    ("app_url", "ids"),
    [
        ("http://www.example.com", ["ptrack.W003"]),
        ("https://www.example.com", []),
        ("HTTPS://www.example.com", []),
        ("HTTP://www.example.com", ["ptrack.W003"]),
        (" https://www.example.com", ["ptrack.E003"]),
        ("", ["ptrack.W008"]),
        (None, ["ptrack.W008"]),
        ("www.example.com", ["ptrack.E003"]),
        ("https://www.example.com/a b", ["ptrack.E003"]),
    ],
)
def test_plain_http_and_no_address_are_warnings_at_deployment(app_url, ids):
    with override_settings(PTRACK_APP_URL=app_url):
        assert list(find_messages(deploy=True)) == ids
        assert not {"ptrack.W003", "ptrack.W008"} & find_messages().keys()


@pytest.mark.parametrize(
    "settings",
    [
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.track"},
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.root"},
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.nested"},
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.own_view"},
        {"MIDDLEWARE": [f"{__name__}.Derived"]},
        {"ROOT_URLCONF": "tests.urlconfs.track", "PTRACK_PREFIX": "track"},
        {"ROOT_URLCONF": "tests.urlconfs.localised"},
        {"ROOT_URLCONF": "tests.urlconfs.namespaced", "PTRACK_PREFIX": "/ns/"},
        {"PTRACK_APP_URL": None},
        {"PTRACK_TRUSTED_PROXIES": ("10.0.0.0/8", "2001:db8::1", "unix:")},
        {"PTRACK_SECRET": b"x" * 32, "PTRACK_SECRET_FALLBACKS": ("o" * 32, b"p" * 32)},
        {"PTRACK_BACKGROUND": ENGINE, "PTRACK_BACKGROUND_QUEUE": "pixels"},
    ],
)
def test_right_way_to_set_up_has_no_message(settings):
    with override_settings(**settings):
        assert find_messages() == {}


@pytest.mark.parametrize("middleware", [[], ["ptrack.middleware.PtrackMiddleware"]])
def test_urlconf_that_cannot_be_imported_is_left_to_django_s_own_check(middleware):
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken", MIDDLEWARE=middleware):
        assert check_include(None) == check_in_use(None) == []
        with empty_tracker(ptrack.tracker):
            assert len(check_callbacks(None)) == len(middleware)


@override_settings(PTRACK_SECRET="")
def test_manage_py_check_shows_them():
    with pytest.raises(SystemCheckError, match=r"ptrack\.E001"):
        call_command("check")


@pytest.fixture
def slow() -> Iterator[str]:
    """Yield the name of a callback that is to run in the background."""
    with empty_tracker(ptrack.tracker):

        @ptrack.tracker.register
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request: Any, *args: Any, **kwargs: Any) -> None: ...

        yield f"{Slow.__module__}.{Slow.__qualname__}"


def test_callback_for_the_background_without_an_engine_is_a_warning(slow: str):
    ((name, message),) = find_messages().items()
    assert name == "ptrack.W004"
    assert message.level == checks.WARNING
    assert message.msg.startswith(f"{slow} is to run in the background")
    assert "PTRACK_BACKGROUND" in str(message.hint)


def test_callback_for_the_background_with_an_engine_is_fine(slow: str):
    with override_settings(PTRACK_BACKGROUND=ENGINE):
        assert find_messages() == {}


# -- short secrets --------------------------------------------------------------------


@override_settings(
    PTRACK_SECRET="top-secret", PTRACK_SECRET_FALLBACKS=["x" * 32, b"old-secret", "é"]
)
def test_each_short_secret_has_a_message_with_its_number_and_without_itself():
    found = [each for each in checks.run_checks() if each.id == "ptrack.W001"]
    assert [each.msg for each in found] == [
        "PTRACK_SECRET is shorter than 32 bytes: 10.",
        "PTRACK_SECRET_FALLBACKS[1] is shorter than 32 bytes: 10.",
        "PTRACK_SECRET_FALLBACKS[2] is shorter than 32 bytes: 2.",
    ]
    assert "secret'" not in repr(found)
    assert "top-secret" not in repr(found)


@override_settings(PTRACK_SECRET="short", PTRACK_SECRET_FALLBACKS=["x" * 33])
def test_length_of_secrets_that_cannot_be_used_is_not_reported():
    assert list(find_messages()) == ["ptrack.E002"]


# -- settings of another name ---------------------------------------------------------


def test_settings_that_ptrack_does_not_have_are_named_with_those_that_were_meant():
    settings = {
        "PTRACK_HONOR_GPC": "hidden",
        "PTRACK_SECRT": "hidden",
        "PTRAK_SECRET": "hidden",
        "PTRACKSECRET": "hidden",
        "PTRACK_COLOUR": "hidden",
        "TRACK_SECRET": "another program's",
        "PTRACKER": "another program's",
    }
    with override_settings(**settings):
        found = [each for each in checks.run_checks() if each.id == "ptrack.W007"]
    assert {each.msg.split()[0]: each.hint for each in found} == {
        "PTRACK_HONOR_GPC": "Rename it to PTRACK_HONOUR_GPC, or take it out.",
        "PTRACK_SECRT": "Rename it to PTRACK_SECRET, or take it out.",
        "PTRAK_SECRET": "Rename it to PTRACK_SECRET, or take it out.",
        "PTRACKSECRET": "Rename it to PTRACK_SECRET, or take it out.",
        "PTRACK_COLOUR": (
            "Take it out, or give it a name that doesn't begin with PTRACK_."
        ),
    }
    assert "hidden" not in repr(found)


# -- callbacks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({}, {"ptrack.W006"}),
        ({"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.track"}, {"ptrack.W006"}),
        ({"MIDDLEWARE": []}, {"ptrack.W002"}),
    ],
)
def test_site_that_answers_needs_a_callback_and_one_that_makes_urls_does_not(
    settings, ids
):
    with empty_tracker(ptrack.tracker), override_settings(**settings):
        found = checks.run_checks()
    assert {each.id for each in found if str(each.id).startswith("ptrack.")} == ids


def test_callback_of_one_kind_is_enough():
    """Hits of the other kind are counted: links may well be redirects alone."""
    with empty_tracker(ptrack.tracker), register_clicks(ptrack.tracker):
        assert find_messages() == {}
