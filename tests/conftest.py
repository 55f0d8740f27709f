"""Fixtures that more than one test file uses."""

import logging
from collections.abc import Iterator

import pytest

import ptrack
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
