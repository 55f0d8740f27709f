"""The machine: what it is, and who runs where on it."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
CAN_PIN = len(CORES) > 1 and shutil.which("taskset") is not None


def pinned(core: int, command: list[str]) -> list[str]:
    """Give the command that runs another one on that of our cores, if there are two."""
    if not CAN_PIN:
        return command
    return ["taskset", "--cpu-list", str(CORES[core]), *command]


def described() -> dict[str, str]:
    """Give what the numbers depend on, by name."""
    about = {
        "processor": f"{_processor()}, {len(CORES)} cores",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "Python": platform.python_version(),
    }
    for program in ("nginx", "wrk"):
        version = _program_version(program)
        if version:
            about[program] = version
    return about


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _program_version(program: str) -> str | None:
    if shutil.which(program) is None:
        return None
    # Both tell it on stderr or stdout, and wrk with an exit code of its own.
    done = subprocess.run(
        [program, "-v"], capture_output=True, text=True, check=False, timeout=10
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else None
