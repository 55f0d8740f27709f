"""The system checks of this app; docs/operations.md has a table of all."""

from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

import ptrack
from ptrack import conf
from ptrack.checks import find_errors


def check_settings(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_STATS_KEY`` and ``PTRACK_STATS_IP``."""
    messages = list(find_errors("ptrack.stats"))
    if conf.get_django("PTRACK_STATS_IP") and find_spec("python_ipware") is None:
        problem = "PTRACK_STATS_IP is set, and python-ipware isn't installed"
        hint = "Run: pip install 'django-ptrack[agents]'."
        messages.append(Error(f"{problem}.", hint=hint, id="ptrack.E015"))
    return messages


def check_recording(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that a callback writes rows."""
    # Models can't be imported until all apps are ready.
    from .recording import RecordClick, RecordOpen

    if ptrack.tracker.runs(RecordOpen, RecordClick):
        return []
    return [
        CheckWarning(
            "ptrack.stats is installed, and none of its callbacks is registered: no "
            "open and no click is kept.",
            hint=(
                'Have "ptrack" in INSTALLED_APPS too, which imports pixels.py, and '
                "write ptrack.tracker.register(RecordOpen) there, with RecordOpen from "
                "ptrack.stats.recording. If another process records, add "
                '"ptrack.W005" to SILENCED_SYSTEM_CHECKS.'
            ),
            id="ptrack.W005",
        )
    ]
