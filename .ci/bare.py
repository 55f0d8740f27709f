"""Run ``make demo`` and ``make test`` in a fresh clone, as on a bare machine.

The programs of the integration tests are hidden: ``PATH`` leads to a directory with all
others, and the tests look for PostgreSQL in an empty place.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.integration.programs import PACKAGES  # noqa: E402
from tools.soak.processes import reserve_port  # noqa: E402

PATIENCE = 300
"""Seconds that the demo may take to be installed and to answer."""


def link_programs(place: Path) -> Path:
    """Link to each program of ``PATH`` but the hidden ones; return the directory."""
    place.mkdir()
    for directory in os.get_exec_path():
        for program in Path(directory).glob("*"):
            link = place / program.name
            if program.name not in PACKAGES and not link.is_symlink():
                link.symlink_to(program)
    return place


def check_hidden(clone: Path, variables: dict[str, str]) -> None:
    """End with an error if a hidden program is found all the same."""
    command = (
        "import sys; from tests.integration.programs import PACKAGES, find_missing\n"
        "if found := set(PACKAGES) - set(find_missing()):\n"
        "    sys.exit(f'These programs are not hidden: {found}')"
    )
    subprocess.run(["python3", "-c", command], check=True, cwd=clone, env=variables)


def run_demo(clone: Path, variables: dict[str, str]) -> None:
    """Run ``make demo`` until its report has the sample campaign."""
    port = reserve_port()
    with subprocess.Popen(
        ["make", "demo", f"PORT={port}"],
        cwd=clone,
        env=variables,
        start_new_session=True,
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/report/", b"Our news", process)
        finally:
            # Not SIGINT: a shell has its background commands ignore it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=PATIENCE)


def wait_for(url: str, part: bytes, process: subprocess.Popen[bytes]) -> None:
    """Wait until a page answers with this in it.

    Raises:
        TimeoutError: It doesn't answer so.
    """
    # No proxy: whatever the environment says, this stays on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(url, timeout=10) as page:
                if part in page.read():
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{url} doesn't answer")


def main() -> None:
    """Run both, and print how long each took."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        clone = place / "ptrack"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        variables = {
            **os.environ,
            "PATH": str(link_programs(place / "bin")),
            "POSTGRESQL_VERSIONS": str(place / "nowhere"),
        }
        check_hidden(clone, variables)
        began = time.monotonic()
        run_demo(clone, variables)
        demo = time.monotonic()
        subprocess.run(["make", "test"], check=True, cwd=clone, env=variables)
        test = time.monotonic()
        print(f"make demo answered in {demo - began:.0f} s", end=", ")
        print(f"make test passed in {test - demo:.0f} s, both with what they install")


if __name__ == "__main__":
    main()
