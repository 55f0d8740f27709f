"""``python -m tools.fuzz.growth``: the time for hostile mails grows as their size.

The mails are those of `tests.email.hostile`. Each is tracked at the full size and at a
quarter of it: in linear time, the full size takes four times as long.
"""

import argparse
import email
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import django

from tests.email import hostile

LONGEST = 1.0
"""Seconds that a mail of the full size may take."""
STEEPEST = 8
"""Times as long as a quarter; twice what linear time is, for a busy machine."""
SHORT = 0.2
"""Seconds that are too few to compare."""


class Growth(NamedTuple):
    """The seconds that one kind of mail takes, at a quarter of the size and in full."""

    name: str
    quarter: float
    full: float

    @property
    def steep(self) -> bool:
        """Whether it takes too long, or the time grows faster than the size."""
        ratio = self.full / max(self.quarter, 1e-9)
        return self.full > LONGEST or (self.full > SHORT and ratio > STEEPEST)


def measure(size: int, every: int = 1) -> Iterator[Growth]:
    """Yield the growth of each kind of mail.

    Args:
        size: The full size, in characters.
        every: Of the kinds, one in so many.
    """
    for make, work in _find_kinds():
        pairs = zip(make(size // 4), make(size), strict=True)
        for (name, quarter), (_, full) in islice(pairs, 0, None, every):
            yield Growth(name, _time(work, quarter), _time(work, full))


def _find_kinds() -> list[tuple[Callable[[int], Any], Callable[[Any], Any]]]:
    from django.core.mail import EmailMessage  # It needs the settings.

    from ptrack.email import html, track, track_html

    def track_message(source: bytes) -> Callable[[], object]:
        # Only this policy parses all of them in a short time.
        message = email.message_from_bytes(source)
        return lambda: track(message, text_links=True)

    def track_text(text: str) -> Callable[[], object]:
        message = EmailMessage("Hi", text)
        return lambda: track(message, text_links=True)

    return [
        (
            hostile.make_html,
            lambda text: lambda: (track_html(text), html.find_urls(text)),
        ),
        (hostile.make_texts, track_text),
        (hostile.make_mails, track_message),
    ]


def _time(work: Callable[[Any], Callable[[], object]], content: Any) -> float:
    """Return the shortest time of a few, in seconds."""
    run = work(content)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    """Print the ten kinds that take longest; the exit code is 1 if one is too slow."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz.growth", description=__doc__
    )
    parser.add_argument("--size", type=int, default=hostile.SIZE, help="in characters")
    parser.add_argument("--every", type=int, default=1, help="one kind in so many")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    logging.disable(logging.WARNING)
    found = sorted(measure(options.size, options.every), key=lambda each: -each.full)
    steep = [each for each in found if each.steep]
    print(f"{len(found)} kinds of {options.size} characters; milliseconds:")
    for each in (*found[:10], *steep):
        mark = "  TOO SLOW" if each.steep else ""
        print(f"{each.quarter * 1e3:8.1f} {each.full * 1e3:8.1f}  {each.name}{mark}")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
