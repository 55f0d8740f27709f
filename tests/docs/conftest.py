"""Fixtures of the tests that run code blocks."""

from collections.abc import Iterator

import pytest

import ptrack
from tests.recording import empty_tracker


@pytest.fixture(autouse=True)
def clean_tracker() -> Iterator[None]:
    """Unregister the callbacks of a block after its test."""
    with empty_tracker(ptrack.tracker):
        yield
