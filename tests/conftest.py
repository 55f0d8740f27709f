"""Fixtures that more than one test file uses."""

import logging
import sys
from collections.abc import Iterator

import pytest

import ptrack
from ptrack import conf
from ptrack.trackers import Tracker
from tests.recording import Recorder, registered


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A callback, registered with ptrack's own tracker, that keeps its hits."""
    with registered(ptrack.tracker) as recorder:
        yield recorder


@pytest.fixture
def own_tracker() -> Tracker:
    return Tracker("own")


@pytest.fixture(autouse=True)
def default_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever encoder a test assigns, the next one starts with the default."""
    monkeypatch.setattr(ptrack, "ptrack_encoder", ptrack.ptrack_encoder)


@pytest.fixture(autouse=True)
def debug_log(caplog: pytest.LogCaptureFixture) -> None:
    """Let tests see what is logged at any level."""
    caplog.set_level(logging.DEBUG, logger="ptrack")


@pytest.fixture
def outside_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that Django isn't there; fresh processes show it for real elsewhere."""
    monkeypatch.setattr(conf, "_django_endpoint", None)
    monkeypatch.delitem(sys.modules, "django.conf")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    monkeypatch.setenv("PTRACK_SECRET", "s" * 32)
    monkeypatch.setenv("PTRACK_APP_URL", "https://env.example")
