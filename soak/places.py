"""What the served apps and the command have to agree on."""

PLACE = "SOAK_PLACE"
"""The environment variable with the directory that all the following are in."""

LEDGER = "ledger.db"
"""Every hit is recorded in it."""

SECOND = "second.db"
"""Hits with ``also`` are recorded in it; it may be locked."""

JOURNAL = "journal"
"""Hits with ``also`` are appended to it; its disk may be full."""

LOG = "log"
"""What ptrack logs."""

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
"""Its lines; a traceback's are others."""

PREFIX = "/ptrack/"
PAGE = b"page"
"""What everything else answers."""
