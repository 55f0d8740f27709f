"""Facts about processes, from /proc, and about ports."""

import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

HOST = "127.0.0.1"


class SoakError(Exception):
    """A server or a fault doesn't do its job."""


# The system gives connections higher ones (net.ipv4.ip_local_port_range): otherwise
# a connection could take a port before the server does.
_PORTS = range(10_000, 32_000)


def reserve_port() -> int:
    """Return a port that no process listens on or connects from.

    No other process gets it before this one ends, so that they can run at the same
    time: a server takes a while to listen.
    """
    given = _open_ports()
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as found:
            try:
                fcntl.lockf(given, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                found.bind((HOST, port))
            except OSError:
                continue
        return port


@cache
def _open_ports() -> int:
    """Open the file whose bytes stand for ports; a process locks those that it gets."""
    # All processes share /tmp; they may have different values of TMPDIR.
    place = Path("/tmp", f"ptrack-ports-{os.getuid()}")
    return os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def listens(port: int) -> bool:
    """Return whether a process listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def measure_resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def list_descriptors(pid: int) -> list[int]:
    """Return the open file descriptors of a process; none if it is gone."""
    try:
        return sorted(int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie doesn't."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def list_children(parent: int) -> list[int]:
    """Return the running processes that a process has started itself."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return sorted(found)


def wait_until(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    """Wait for something to come true.

    Raises:
        SoakError: It hasn't come true within that time; the message names it.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SoakError(f"{problem} (waited {seconds:.0f} s)")
        time.sleep(0.05)
