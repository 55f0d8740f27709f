"""ptrack around a Flask app: ``python example/flask_app.py``.

The page at ``/`` has a pixel, and a line of JSON is printed for each hit.
"""

import json
import os
import secrets
import sys
from typing import Any

from flask import Flask
from webob import Request

import ptrack
from ptrack.wsgi import PtrackWSGIMiddleware

PORT = int(os.environ.get("PORT", "5000"))


@ptrack.tracker.register
class PrintView(ptrack.TrackingPixel):
    """Prints the arguments that the pixel was made with."""

    def record(self, request: Request, *args: Any, **kwargs: Any) -> None:
        sys.stdout.write(json.dumps({"args": args, "kwargs": kwargs}) + "\n")
        sys.stdout.flush()


app = Flask(__name__)
pixels = PtrackWSGIMiddleware(
    app.wsgi_app,
    # A real site keeps its secret: only that one reads the URLs in mails already sent.
    secret=os.environ.get("PTRACK_SECRET") or secrets.token_hex(16),
    app_url=os.environ.get("PTRACK_APP_URL", f"http://127.0.0.1:{PORT}"),
)
app.wsgi_app = pixels


@app.get("/")
def show_home() -> str:
    return f"<!DOCTYPE html><h1>Hello</h1>{pixels.pixel_tag('hello', page='home')}"


if __name__ == "__main__":
    app.run(port=PORT)
