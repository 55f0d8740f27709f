"""The pytest plugin of ptrack: the fixture ``ptrack_recorded``.

pytest imports it in every run of an environment that ptrack is installed in, those that
have nothing to do with it too. So it stands outside the package, and imports that only
when the fixture is asked for.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ptrack.testing import Recorded


@pytest.fixture
def ptrack_recorded() -> "Iterator[Recorded]":
    """What ptrack's callbacks got during the test: ``opens`` and ``clicks``."""
    from ptrack.testing import recorded

    with recorded() as found:
        yield found
