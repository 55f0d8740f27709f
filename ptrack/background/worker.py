"""The work of a worker: the jobs that an engine brings it."""

import logging
from io import BytesIO

from ptrack.core import callbacks, jobs
from ptrack.core.logs import escape, log
from ptrack.discovery import import_pixels
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from ptrack.requests import PixelRequest

ATTEMPTS = 12
"""The tries that a failing job gets, from engines that can try again."""

LONGEST_DELAY = 600
"""Seconds between two attempts, at most."""

_SHOWN = 200
"""The characters of a callback's name that are logged."""


def perform(job: str) -> None:
    """Do a job: call its callback's ``record``, and wait for it.

    Args:
        job: The text that an engine has taken.

    Raises:
        PtrackRegistrationError: No such callback is registered in this process.
        PtrackRecordingError: The callback failed.
        ValueError: The text isn't a job.

    The first two are also logged.
    """
    try:
        name, succeeded = _try(job)
    finally:
        # Error trackers show what a frame holds.
        del job
    name = _show(name)
    if succeeded is None:
        log(
            logging.ERROR,
            "A worker got a hit for %s, and doesn't have it registered",
            name,
        )
        raise PtrackRegistrationError(
            f"{name} isn't registered in this worker: import the pixels there"
        )
    if not succeeded:
        raise PtrackRecordingError(f"{name} failed")


def _try(job: str) -> tuple[str, bool | None]:
    try:
        found = jobs.read_job(job)
    finally:
        del job
    hit = found.to_hit(PixelRequest({**found.environ, "wsgi.input": BytesIO()}))
    succeeded = callbacks.run_by_name(found.callback, hit)
    if succeeded is None:
        # Outside Django, nothing may have imported them yet.
        import_pixels(None)
        succeeded = callbacks.run_by_name(found.callback, hit)
    return found.callback, succeeded


def _show(name: str) -> str:
    """Return a name for a line of a log: a worker can't know who wrote the job."""
    return escape(name)[:_SHOWN]
