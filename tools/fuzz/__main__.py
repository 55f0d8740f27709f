"""``python -m tools.fuzz --seconds 60``: all harnesses, one after the other."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.fuzz import HARNESSES

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CRASHES = HERE / "crashes"
NO_ATHERIS = """\
atheris isn't installed. There are wheels for CPython 3.11 to 3.14 on Linux with x86-64:
    pip install --only-binary atheris -e '.[fuzz]'
For any other interpreter or machine it has to be built: see tools/fuzz/README.md."""


def main() -> int:
    """Run each harness for its share of the time; the exit code is 1 for a crash."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all together")
    seconds = parser.parse_args().seconds
    if seconds < len(HARNESSES):
        parser.error(f"--seconds must be at least {len(HARNESSES)}")
    if find_spec("atheris") is None:
        print(NO_ATHERIS, file=sys.stderr)
        return 1
    failed = [name for name in HARNESSES if not _run(name, seconds // len(HARNESSES))]
    return 1 if failed else 0


def _run(name: str, seconds: int) -> bool:
    """Run a harness from the stored corpus; return whether it found no crash.

    New inputs that it finds are thrown away.
    """
    print(f"== {name}, for {seconds} s", flush=True)
    CRASHES.mkdir(exist_ok=True)
    with TemporaryDirectory() as finds:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tools.fuzz.harness", name),
                *(f"-max_total_time={seconds}", "-max_len=9000", "-timeout=10"),
                *("-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"),
                f"-artifact_prefix={CRASHES}/{name}-",
                *(finds, str(HERE / "corpus" / name)),
            ],
            cwd=ROOT,
            check=False,
        )
    if done.returncode:
        _print_command(name)
    return done.returncode == 0


def _print_command(name: str) -> None:
    found = max(
        CRASHES.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime, default=None
    )
    if found is None:
        print(f"== {name} failed without an input: see above", file=sys.stderr)
        return
    where = found.relative_to(ROOT)
    print(
        f"== {name} failed; once more, with this input alone:\n"
        f"{sys.executable} -m tools.fuzz.harness {name} {where}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
