"""ptrack.stats.checks: each misconfiguration has its message, id and hint."""

import sys

import pytest
from django.core import checks
from django.test import override_settings

import ptrack
from tests.recording import empty_tracker

pytestmark = pytest.mark.usefixtures("stats_installed")


@pytest.fixture(autouse=True)
def callback():
    from ptrack.stats.recording import RecordOpen

    class Mine(RecordOpen):
        pass

    with empty_tracker(ptrack.tracker):
        ptrack.tracker.register(Mine)
        yield


def run_checks() -> dict[str, checks.CheckMessage]:
    """Return ptrack's messages by their ids."""
    return {
        message.id: message
        for message in checks.run_checks()
        if str(message.id).startswith("ptrack.")
    }


def test_right_site_has_no_message():
    assert run_checks() == {}


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ("ptrack.E011", {"PTRACK_STATS_KEY": ""}),
        ("ptrack.E011", {"PTRACK_STATS_KEY": 1}),
        ("ptrack.E011", {"PTRACK_STATS_KEY": ["recipient"]}),
        ("ptrack.E012", {"PTRACK_STATS_IP": "all"}),
        ("ptrack.E012", {"PTRACK_STATS_IP": 24}),
        ("ptrack.E012", {"PTRACK_STATS_IP": ["short"]}),
    ],
)
def test_bad_setting_has_one_message_with_a_hint(expected, settings):
    with override_settings(**settings):
        messages = run_checks()
    assert list(messages) == [expected]
    assert messages[expected].level == checks.ERROR
    assert messages[expected].hint.endswith(".")


@pytest.mark.parametrize("value", [None, False, True, "short", "full"])
def test_right_values_have_no_message(value):
    with override_settings(PTRACK_STATS_IP=value, PTRACK_STATS_KEY=None):
        assert run_checks() == {}


def test_address_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_ipware", None)
    # Here `find_spec` would raise an error, because of the line above.
    monkeypatch.setattr("ptrack.stats.checks.find_spec", lambda name: None)
    with override_settings(PTRACK_STATS_IP="short"):
        (message,) = run_checks().values()
    assert message.id == "ptrack.E015"
    assert "pip install 'django-ptrack[agents]'" in message.hint


def test_no_callback_has_a_warning():
    with empty_tracker(ptrack.tracker):
        found = run_checks()
    assert set(found) == {"ptrack.W005", "ptrack.W006"}
    message = found["ptrack.W005"]
    assert message.level == checks.WARNING
    assert "ptrack.tracker.register(RecordOpen)" in message.hint
