"""The cases of pytracking."""

import logging
from typing import Any

from django_site import make_asgi, make_wsgi, request_asgi, request_wsgi
from loop import BrokenCaseError, Case, serve
from pytracking import Configuration, get_open_tracking_url
from pytracking.html import adapt_html
from pytracking_site import CONFIGURATION
from sample import APP_URL, ARGS, KWARGS, LINKS, MAIL, PREFIX, make_environ, make_scope

# It is built once, as in pytracking's manual.
CONFIGURED = Configuration(**CONFIGURATION)


def make_metadata(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as the one dict that pytracking takes."""
    return {"args": list(args), **kwargs} if args else kwargs


METADATA = make_metadata(ARGS, KWARGS)


def make_url(data: dict[str, Any] = METADATA) -> str:
    """Make a URL."""
    return str(get_open_tracking_url(data, configuration=CONFIGURED))


def track_mail() -> str:
    """Track a whole mail."""
    return str(adapt_html(MAIL, METADATA, configuration=CONFIGURED))


def measure_lengths(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, int]:
    """Return the lengths of the token and the URL for some data."""
    made = make_url(make_metadata(args, kwargs))
    return {"token": len(made.removeprefix(f"{APP_URL}{PREFIX}")), "url": len(made)}


def main() -> None:
    """Serve all cases."""
    path = make_url().removeprefix(APP_URL)
    forged = f"{path[:80]}{'A' if path[80] != 'A' else 'B'}{path[81:]}"
    site, site_async = make_wsgi(), make_asgi()
    # Its image is a PNG; for garbage it answers 404, which Django logs.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    if not request_wsgi(site, make_environ(path)).startswith(b"\x89PNG"):
        raise BrokenCaseError("no image")
    if b"Not Found" not in request_wsgi(site, make_environ(forged)):
        raise BrokenCaseError("a forged token is answered")
    if track_mail().count(APP_URL) != LINKS + 1:
        raise BrokenCaseError("a mail isn't tracked")
    cases = {
        "mail": Case(track_mail),
        "django": Case(request_wsgi, (site, make_environ(path)), records=True),
        "django_async": Case(
            request_asgi, (site_async, make_scope(path)), records=True
        ),
        "url": Case(make_url),
        "forged_django": Case(request_wsgi, (site, make_environ(forged))),
    }
    serve(cases, measure_lengths, path=path)


if __name__ == "__main__":
    main()
