"""A plain WSGI app with ptrack around it."""

from collections.abc import Callable, Iterable
from typing import Any

from ptrack.wsgi import PtrackWSGIMiddleware
from tools.soak.places import PAGE

from . import pixels


def page(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Answer for any page that isn't a pixel."""
    start_response("200 OK", [("Content-Length", str(len(PAGE)))])
    return [PAGE]


pixels.register(pixels.Slow)
pixels.keep_log()
application = PtrackWSGIMiddleware(page)
