"""This module finds out whether a port can be used for the demo.

``make demo`` runs this file before it installs anything.
"""

import os
import re
import socket
import sys
from errno import EADDRINUSE

HOST = "127.0.0.1"
LAST = 65535


def find_problem(port: str) -> str:
    """Return the problem with a port and its remedy, or an empty text if it is fine.

    Args:
        port: The text that somebody has typed.
    """
    if not re.fullmatch("[1-9][0-9]{0,4}", port) or int(port) > LAST:
        return f'PORT="{port}" is not a port. Choose a number: {_suggest()}'
    error = _bind(int(port))
    if not error:
        return ""
    taken = "is taken by another program"
    reason = taken if error == EADDRINUSE else f"can't be used ({os.strerror(error)})"
    return f"Port {port} {reason}. Choose another one: {_suggest()}"


def _suggest() -> str:
    free = (port for port in range(8001, LAST) if not _bind(port))
    return f"make demo PORT={next(free, 8001)}"


def _bind(port: int) -> int:
    """Bind a port for a moment, and return the number of the error, or 0."""
    with socket.socket() as probe:
        # The server sets it too: connections of an ended one are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.errno or EADDRINUSE
    return 0


if __name__ == "__main__":
    sys.exit(find_problem(os.environ["PORT"]) or 0)
