"""System checks; the table of all of ptrack's is in `ptrack.checks`."""

from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

import ptrack
from ptrack import conf
from ptrack.problems import opens_ip_problem, opens_key_problem


def check_settings(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check ``PTRACK_OPENS_KEY`` and ``PTRACK_OPENS_IP``."""
    key, ip = conf.opens_settings()
    messages: list[CheckMessage] = []
    if problem := opens_key_problem(key):
        hint = "Leave it out to count no unique opens."
        messages.append(Error(f"{problem}.", hint=hint, id="ptrack.E014"))
    if problem := opens_ip_problem(ip):
        hint = "Leave it out to keep no address."
        messages.append(Error(f"{problem}.", hint=hint, id="ptrack.E015"))
    elif ip and find_spec("python_ipware") is None:
        problem = "PTRACK_OPENS_IP is set, and python-ipware isn't installed"
        hint = "Run: pip install 'django-ptrack[agents]'."
        messages.append(Error(f"{problem}.", hint=hint, id="ptrack.E015"))
    return messages


def check_recording(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Check that something here writes rows."""
    from .recording import RecordClick, RecordOpen

    if ptrack.tracker.runs(RecordOpen, RecordClick):
        return []
    return [
        CheckWarning(
            "ptrack.opens is installed, and nothing of it is registered: no open and "
            "no click is kept.",
            hint=(
                "Write ptrack.tracker.register(RecordOpen) into a pixels.py, with "
                "RecordOpen from ptrack.opens.recording. If another process records, "
                'add "ptrack.W005" to SILENCED_SYSTEM_CHECKS.'
            ),
            id="ptrack.W005",
        )
    ]
