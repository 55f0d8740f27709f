"""A mirror: a public process that only records, and prints a line of JSON per hit.

It needs ``PTRACK_SECRET``, the one of the site that makes the pixels, and takes
``PTRACK_SECRET_FALLBACKS`` and ``PTRACK_PREFIX`` from the environment as well. The
site's ``PTRACK_APP_URL`` is the address of the mirror. Run it by either of::

    gunicorn --chdir example mirror:application
    PORT=8001 python example/mirror.py
"""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from wsgiref.simple_server import make_server

from webob import Request

import ptrack
from ptrack.wsgi import mirror


@ptrack.tracker.register
class PrintHit(ptrack.TrackingPixel):
    """Prints when, by whom and what: pipe it to wherever hits are kept."""

    def record(self, request: Request, *args: Any, **kwargs: Any) -> None:
        hit = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "address": request.remote_addr,
            "user_agent": request.user_agent,
            "args": args,
            "kwargs": kwargs,
        }
        # Escaped to ASCII, a hit is one line, whatever is in it.
        sys.stdout.write(json.dumps(hit) + "\n")
        sys.stdout.flush()


application = mirror()

if __name__ == "__main__":
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8001"))
    with make_server(host, port, application) as server, suppress(KeyboardInterrupt):
        server.serve_forever()
