"""The mark of all tests of the tools, and the fixtures of `tests` for them."""

from pathlib import Path

import pytest

from tests.conftest import (  # noqa: F401 - fixtures
    clicks,
    debug_log,
    default_encoder,
    outside_django,
    own_tracker,
    recorder,
    sends,
)

HERE = Path(__file__).parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Don't import these tests where none runs: they need more packages."""
    return config.option.markexpr == "not integration" or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test in this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)
