"""The pytest plugin of ptrack: the fixture ``ptrack_recorded``.

pytest imports it in every run of an environment that ptrack is installed in, also in
those that have nothing to do with it. So it stands outside the package, and imports the
package only when a test asks for the fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ptrack.testing import Recorded


@pytest.fixture
def ptrack_recorded() -> "Iterator[Recorded]":
    """The hits that callbacks got during the test: ``opens`` and ``clicks``."""
    from ptrack.testing import recorded

    with recorded() as records:
        yield records
