"""A mirror: a public process that only records, and prints a line of JSON per hit.

It needs the same ``PTRACK_SECRET`` as the site that makes the pixels, and also reads
``PTRACK_SECRET_FALLBACKS`` and ``PTRACK_PREFIX`` from the environment. The site's
``PTRACK_APP_URL`` is the address of the mirror. Run it with one of these commands::

    gunicorn --chdir example mirror:application
    PORT=8001 python example/mirror.py
"""

import json
import os
import sys
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import make_server

from webob import Request

import ptrack
from ptrack.wsgi import mirror


@ptrack.tracker.register
class PrintHit(ptrack.TrackingPixel):
    """Prints each hit: pipe the lines to the place where you keep hits."""

    def record(self, request: Request, *args: Any, **kwargs: Any) -> None:
        line = {
            "time": ptrack.hit(request).at.isoformat(timespec="milliseconds"),
            "address": request.remote_addr,
            "user_agent": request.user_agent,
            "args": args,
            "kwargs": kwargs,
        }
        # JSON escapes line breaks, so each hit is one line.
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


application = mirror()

if __name__ == "__main__":
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8001"))
    with make_server(host, port, application) as server, suppress(KeyboardInterrupt):
        server.serve_forever()
