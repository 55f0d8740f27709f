"""What workers do: the jobs that an engine brings them."""

import logging
from io import BytesIO

from ptrack.core import callbacks as trackers
from ptrack.core import jobs
from ptrack.discovery import import_pixels
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from ptrack.requests import PixelRequest

logger = logging.getLogger("ptrack")

ATTEMPTS = 12
"""How often a job that fails is tried, by engines that can try again."""

_LONGEST = 600
"""Seconds between two of them, at most."""


def perform(job: str) -> None:
    """Do a job: call the ``record`` that it is for, and wait for it.

    Args:
        job: What an engine took.

    Raises:
        PtrackRegistrationError: No such callback is registered in this process.
        PtrackRecordingError: The callback failed.
        ValueError: It is no job.

    What is raised is also logged, but for what is no job.
    """
    name, done = _attempted(job)
    # Error trackers show what a frame holds.
    del job
    if done is None:
        logger.error("A worker got a hit for %s, and doesn't have it registered", name)
        raise PtrackRegistrationError(
            f"{name} isn't registered in this worker: import the pixels there"
        )
    if not done:
        raise PtrackRecordingError(f"{name} failed")


def _attempted(job: str) -> tuple[str, bool | None]:
    name, environ, args, kwargs = jobs.read(job)
    request = PixelRequest({**environ, "wsgi.input": BytesIO()})
    done = trackers.perform(name, request, args, kwargs)
    if done is None:
        # Outside Django nobody may have imported them yet.
        import_pixels(None)
        done = trackers.perform(name, request, args, kwargs)
    return name, done


def delay(failures: int) -> int:
    """Give the seconds to wait after a failure, ever more.

    Args:
        failures: How many came before it.
    """
    return min(_LONGEST, 1 << failures)
