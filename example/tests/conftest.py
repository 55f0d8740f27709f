"""The mark of these tests, and the fixtures that several files share.

They run a server or a browser, so each may run a second time: ``flaky(reruns=1)``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import Client, Server, run_demo

HERE = Path(__file__).parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Don't import these tests if none of them runs: they need more packages."""
    return config.option.markexpr == "not integration" or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test in this directory as an integration test."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield the demo, without its sample."""
    with run_demo(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def client(demo: Server) -> Client:
    """Return a client of the demo."""
    return Client(demo.url)
