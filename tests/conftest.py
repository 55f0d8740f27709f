"""Fixtures that more than one test file uses."""

import gc
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.core.signals import setting_changed

import ptrack
from ptrack.core.callbacks import Tracker
from tests.adapters import Send, open_adapters
from tests.recording import Clicks, Recorder, register_clicks, register_recorder
from tests.stats.site import (  # noqa: F401 - fixtures
    postgresql_server,
    staff,
    stats,
    stats_database,
    stats_installed,
)

INTEGRATION = Path(__file__).parent / "integration"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't import the integration tests where none runs: they need more packages."""
    left_out = config.option.markexpr == "not integration"
    return (left_out and collection_path == INTEGRATION) or None


def pytest_collection_finish() -> None:
    """Keep Python from looking at thousands of tests whenever it collects garbage."""
    gc.freeze()


# The same examples at every run, so that it fails for a change and not by luck;
# "make properties" looks for others. Neither measures time: machines differ.
hypothesis.settings.register_profile(
    "quick", derandomize=True, max_examples=60, deadline=None, database=None
)
hypothesis.settings.register_profile("thorough", max_examples=5000, deadline=None)
hypothesis.settings.load_profile("quick")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Yield the opens that a callback got, registered with ptrack's own tracker."""
    with register_recorder(ptrack.tracker) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def sends() -> Iterator[dict[str, Send]]:
    """Yield a function for each adapter, by name, to send requests with."""
    with open_adapters() as found:
        yield found


@pytest.fixture
def clicks() -> Iterator[Clicks]:
    """Yield the clicks that a callback got, registered with ptrack's own tracker."""
    with register_clicks(ptrack.tracker) as clicks:
        yield clicks


@pytest.fixture
def own_tracker() -> Tracker:
    """Return a registry without callbacks."""
    return Tracker("own")


@pytest.fixture(autouse=True)
def default_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the encoder if a test assigns another one."""
    monkeypatch.setattr(ptrack, "ptrack_encoder", ptrack.ptrack_encoder)


@pytest.fixture(autouse=True)
def debug_log(caplog: pytest.LogCaptureFixture) -> None:
    """Let tests see log records of every level."""
    caplog.set_level(logging.DEBUG, logger="ptrack")


@pytest.fixture
def outside_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that Django isn't there; other tests start processes without it."""
    # Drop the endpoint that was made of Django's settings before.
    setting_changed.send(sender=None, setting="PTRACK_SECRET", value=None, enter=True)
    monkeypatch.delitem(sys.modules, "django.conf")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    monkeypatch.setenv("PTRACK_SECRET", "s" * 32)
    monkeypatch.setenv("PTRACK_APP_URL", "https://env.example")
