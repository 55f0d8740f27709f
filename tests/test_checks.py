"""ptrack.checks: every misconfiguration has its message, id and hint."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

import ptrack
from tests.recording import emptied

SECRET = "x" * 32


def found(*, deploy: bool = False) -> dict[str, checks.CheckMessage]:
    messages = checks.run_checks(include_deployment_checks=deploy)
    return {m.id: m for m in messages if str(m.id).startswith("ptrack.")}


def test_site_that_is_set_up_right_has_no_message():
    assert found() == {}


@pytest.mark.parametrize(
    ("expected", "level", "settings"),
    [
        ("ptrack.E001", checks.ERROR, {"PTRACK_SECRET": None}),
        ("ptrack.E002", checks.ERROR, {"PTRACK_SECRET": ""}),
        ("ptrack.E002", checks.ERROR, {"PTRACK_SECRET": b""}),
        ("ptrack.E003", checks.ERROR, {"PTRACK_SECRET": "é" * 17}),
        ("ptrack.E003", checks.ERROR, {"PTRACK_SECRET": b"x" * 33}),
        ("ptrack.E004", checks.ERROR, {"PTRACK_SECRET": 42}),
        ("ptrack.E004", checks.ERROR, {"PTRACK_SECRET": ["x"] * 40}),
        ("ptrack.E004", checks.ERROR, {"PTRACK_SECRET": "\ud800"}),
        ("ptrack.E005", checks.ERROR, {"PTRACK_SECRET_FALLBACKS": "old"}),
        ("ptrack.E005", checks.ERROR, {"PTRACK_SECRET_FALLBACKS": ["old", ""]}),
        ("ptrack.E006", checks.ERROR, {"PTRACK_APP_URL": "www.example.com"}),
        ("ptrack.E006", checks.ERROR, {"PTRACK_APP_URL": "https://"}),
        ("ptrack.E007", checks.ERROR, {"PTRACK_PREFIX": 1}),
        (
            "ptrack.E008",
            checks.ERROR,
            {"PTRACK_PREFIX": "/other/", "ROOT_URLCONF": "tests.urlconfs.track"},
        ),
        ("ptrack.E008", checks.ERROR, {"ROOT_URLCONF": "tests.urlconfs.namespaced"}),
        ("ptrack.E009", checks.ERROR, {"PTRACK_LINK_FALLBACK_URL": "/gone/"}),
        ("ptrack.E009", checks.ERROR, {"PTRACK_LINK_FALLBACK_URL": 1}),
        ("ptrack.E010", checks.ERROR, {"PTRACK_LINK_QUERY": "utm_source"}),
        ("ptrack.E010", checks.ERROR, {"PTRACK_LINK_QUERY": [1]}),
        ("ptrack.E011", checks.ERROR, {"PTRACK_HONOUR_GPC": "yes"}),
        ("ptrack.E012", checks.ERROR, {"PTRACK_TRUSTED_PROXIES": "10.0.0.1"}),
        ("ptrack.E012", checks.ERROR, {"PTRACK_TRUSTED_PROXIES": ["10.0.0.1/8"]}),
        ("ptrack.E013", checks.ERROR, {"PTRACK_BACKGROUND": 1}),
        ("ptrack.E013", checks.ERROR, {"PTRACK_BACKGROUND": "rabbit"}),
        ("ptrack.E013", checks.ERROR, {"PTRACK_BACKGROUND": "celery:no.such.app"}),
        (
            "ptrack.E013",
            checks.ERROR,
            {
                "PTRACK_BACKGROUND": "tests.background.test_loading.Own",
                "PTRACK_BACKGROUND_QUEUE": 1,
            },
        ),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET": "x" * 31}),
        ("ptrack.W001", checks.WARNING, {"PTRACK_SECRET": b"x" * 31}),
        ("ptrack.W002", checks.WARNING, {"MIDDLEWARE": []}),
    ],
)
def test_misconfiguration_has_one_message_with_a_hint(expected, level, settings):
    with override_settings(**settings):
        messages = found()
    assert list(messages) == [expected]
    assert messages[expected].level == level
    assert len(messages[expected].hint) > 20
    assert messages[expected].hint.endswith(".")
    assert messages[expected].msg.endswith((".", '"'))


def test_secret_that_is_not_there_at_all_is_missing(settings: Any):
    del settings.PTRACK_SECRET
    assert list(found()) == ["ptrack.E001"]


def test_message_about_a_secret_does_not_show_it():
    with override_settings(PTRACK_SECRET="top-secret" * 4):
        (message,) = found().values()
    assert "top-secret" not in str(message)
    with override_settings(PTRACK_SECRET_FALLBACKS=["top-secret" * 4]):
        (message,) = found().values()
    assert "top-secret" not in str(message)


@pytest.mark.parametrize(
    ("app_url", "ids"),
    [
        ("http://www.example.com", ["ptrack.W003"]),
        ("https://www.example.com", []),
        ("", []),
        (None, []),
        ("www.example.com", ["ptrack.E006"]),
    ],
)
def test_plain_http_is_warned_of_at_deployment(app_url, ids):
    with override_settings(PTRACK_APP_URL=app_url):
        assert list(found(deploy=True)) == ids
        assert "ptrack.W003" not in found()


@pytest.mark.parametrize(
    "settings",
    [
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.track"},
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.root"},
        {"MIDDLEWARE": [], "ROOT_URLCONF": "tests.urlconfs.own_view"},
        {"ROOT_URLCONF": "tests.urlconfs.track", "PTRACK_PREFIX": "track"},
        {"ROOT_URLCONF": "tests.urlconfs.localised"},
        {"ROOT_URLCONF": "tests.urlconfs.namespaced", "PTRACK_PREFIX": "/ns/"},
        {"PTRACK_APP_URL": None},
        {"PTRACK_TRUSTED_PROXIES": ("10.0.0.0/8", "2001:db8::1", "unix:")},
        {"PTRACK_SECRET": b"x" * 32, "PTRACK_SECRET_FALLBACKS": ("old", b"older")},
    ],
)
def test_right_ways_to_set_up_have_no_message(settings):
    with override_settings(**settings):
        assert found() == {}


@override_settings(ROOT_URLCONF="tests.urlconfs.broken")
def test_urlconf_that_cannot_be_imported_is_left_to_djangos_own_check():
    from ptrack import checks as ours

    assert ours.check_urls(None) == []
    with override_settings(MIDDLEWARE=[]):
        assert ours.check_in_use(None) == []


@override_settings(PTRACK_SECRET="")
def test_manage_py_check_shows_them():
    with pytest.raises(SystemCheckError, match=r"ptrack\.E002"):
        call_command("check")


@pytest.fixture
def slow() -> Iterator[str]:
    """The name of a callback that is to run in the background."""
    with emptied(ptrack.tracker):

        @ptrack.tracker.register
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request: Any, *args: Any, **kwargs: Any) -> None: ...

        yield f"{Slow.__module__}.{Slow.__qualname__}"


def test_callback_for_the_background_without_an_engine_is_warned_of(slow: str):
    ((name, message),) = found().items()
    assert name == "ptrack.W004"
    assert message.level == checks.WARNING
    assert message.msg.startswith(f"{slow} is to run in the background")
    assert "PTRACK_BACKGROUND" in str(message.hint)


def test_callback_for_the_background_with_an_engine_is_fine(slow: str):
    with override_settings(PTRACK_BACKGROUND="tests.background.test_loading.Own"):
        assert found() == {}
