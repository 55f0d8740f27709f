"""The machine, and the core that each process runs on."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
CAN_PIN = len(CORES) > 1 and shutil.which("taskset") is not None


def pin(core: int, command: list[str]) -> list[str]:
    """Return a command that runs another one on one core, if there are two."""
    if not CAN_PIN:
        return command
    return ["taskset", "--cpu-list", str(CORES[core]), *command]


def describe() -> dict[str, str]:
    """Return the parts of the machine that the numbers depend on, by name."""
    about = {
        "processor": f"{_find_processor()}, {len(CORES)} cores",
        "system": f"{_find_distribution()}, Linux {platform.release()}",
        "Python": platform.python_version(),
    }
    for program in ("nginx", "wrk"):
        version = _find_version(program)
        if version:
            about[program] = version
    return about


def _find_processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _find_distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _find_version(program: str) -> str | None:
    if shutil.which(program) is None:
        return None
    # On stderr or stdout, and wrk ends with an exit code of its own.
    done = subprocess.run(
        [program, "-v"], capture_output=True, text=True, check=False, timeout=10
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else None
