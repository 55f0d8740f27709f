"""ptrack.opens.checks: each misconfiguration has its message, id and hint."""

import sys

import pytest
from django.core import checks
from django.test import override_settings

import ptrack
from tests.recording import emptied

pytestmark = pytest.mark.usefixtures("opens_installed")


@pytest.fixture(autouse=True)
def registered():
    from ptrack.opens.recording import RecordOpen

    class Mine(RecordOpen):
        pass

    with emptied(ptrack.tracker):
        ptrack.tracker.register(Mine)
        yield


def found() -> dict[str, checks.CheckMessage]:
    return {
        message.id: message
        for message in checks.run_checks()
        if str(message.id).startswith("ptrack.")
    }


def test_site_that_is_set_up_right_has_no_message():
    assert found() == {}


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ("ptrack.E014", {"PTRACK_OPENS_KEY": ""}),
        ("ptrack.E014", {"PTRACK_OPENS_KEY": 1}),
        ("ptrack.E014", {"PTRACK_OPENS_KEY": ["recipient"]}),
        ("ptrack.E015", {"PTRACK_OPENS_IP": "all"}),
        ("ptrack.E015", {"PTRACK_OPENS_IP": 24}),
        ("ptrack.E015", {"PTRACK_OPENS_IP": ["short"]}),
    ],
)
def test_misconfiguration_has_one_message_with_a_hint(expected, settings):
    with override_settings(**settings):
        messages = found()
    assert list(messages) == [expected]
    assert messages[expected].level == checks.ERROR
    assert messages[expected].hint.endswith(".")


@pytest.mark.parametrize("asked", [None, False, True, "short", "full"])
def test_right_values_have_no_message(asked):
    with override_settings(PTRACK_OPENS_IP=asked, PTRACK_OPENS_KEY=None):
        assert found() == {}


def test_an_address_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_ipware", None)
    # As `find_spec` has it where nothing is installed.
    monkeypatch.setattr("ptrack.opens.checks.find_spec", lambda name: None)
    with override_settings(PTRACK_OPENS_IP="short"):
        (message,) = found().values()
    assert message.id == "ptrack.E015"
    assert "pip install 'django-ptrack[agents]'" in message.hint


def test_nothing_registered_is_warned_of():
    with emptied(ptrack.tracker):
        (message,) = found().values()
    assert (message.id, message.level) == ("ptrack.W005", checks.WARNING)
    assert "ptrack.tracker.register(RecordOpen)" in message.hint
