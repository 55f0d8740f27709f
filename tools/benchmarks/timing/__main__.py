"""``python -m tools.benchmarks.timing``: measure, print, and keep the last full run."""

import argparse
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from tools.benchmarks import machine
from tools.benchmarks.environments import ROOT

from . import report
from .comparison import Comparison, compare
from .guessing import count_guesses
from .kinds import VALID, make_tokens
from .sampling import Samples
from .sides import time_in_process, time_over_loopback

START, END = "<!-- timing -->", "<!-- /timing -->"
SHOWN = ("PyNaCl", "granian")
PLACE = ROOT / "docs" / "timing.md"


class Effort(NamedTuple):
    """How much is measured.

    Attributes:
        in_process: Samples of each kind in process.
        over_loopback: Samples of each kind over loopback.
        seconds: Seconds of guessing.
    """

    in_process: int
    over_loopback: int
    seconds: float


FULL = Effort(100_000, 50_000, 5)
QUICK = Effort(500, 200, 0.1)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks.timing", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    quick = parser.parse_args().quick
    results = _measure(QUICK if quick else FULL, quick=quick)
    text = report.write_markdown(results)
    print(text)
    if not quick:
        _insert(text, PLACE)
    return 0


def _measure(effort: Effort, *, quick: bool) -> dict[str, Any]:
    kinds, about = make_tokens(), machine.describe()
    described = {
        "date": datetime.now(UTC).date().isoformat(),
        **{name: about[name] for name in ("processor", "system", "Python")},
        "versions": ", ".join(f"{each} {metadata.version(each)}" for each in SHOWN),
        "cores": "one for the server, one for the client"
        if machine.CAN_PIN
        else "one for server and client",
        "samples of each kind": f"{effort.in_process:,} in process, "
        f"{effort.over_loopback:,} over loopback",
    }
    return {
        "about": described,
        "quick": quick,
        "process": _compare_all(time_in_process(kinds, effort.in_process)),
        "loopback": _compare_all(time_over_loopback(kinds, effort.over_loopback)),
        "guesses": count_guesses(effort.seconds),
    }


def _compare_all(samples: Samples) -> dict[str, Comparison]:
    return {kind: compare(times, samples[VALID]) for kind, times in samples.items()}


def _insert(text: str, place: Path) -> None:
    before, _, rest = place.read_text().partition(START)
    _, _, after = rest.partition(END)
    place.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
