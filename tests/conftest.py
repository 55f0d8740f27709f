"""Fixtures that more than one test file uses."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import ptrack
from ptrack import conf
from ptrack.core.callbacks import Tracker
from tests.adapters import Send, adapters
from tests.recording import Clicks, Recorder, clicked, registered
from tests.stats.site import opens, opens_database, opens_installed, postgresql_server  # noqa: F401 - fixtures

INTEGRATION = Path(__file__).parent / "integration"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't import the integration tests where none runs: they need more packages."""
    left_out = config.option.markexpr == "not integration"
    return (left_out and collection_path == INTEGRATION) or None


# The same examples at every run, so that it fails for a change and not by luck;
# "make properties" looks for others. Neither measures time: machines differ.
hypothesis.settings.register_profile(
    "quick", derandomize=True, max_examples=60, deadline=None, database=None
)
hypothesis.settings.register_profile("thorough", max_examples=5000, deadline=None)
hypothesis.settings.load_profile("quick")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A callback, registered with ptrack's own tracker, that keeps its hits."""
    with registered(ptrack.tracker) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def sends() -> Iterator[dict[str, Send]]:
    """A function for each adapter, by name, to send requests with."""
    with adapters() as found:
        yield found


@pytest.fixture
def clicks() -> Iterator[Clicks]:
    """A callback for links, registered with ptrack's own tracker, that keeps hits."""
    with clicked(ptrack.tracker) as clicks:
        yield clicks


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
