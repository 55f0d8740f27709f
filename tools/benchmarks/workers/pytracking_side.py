"""The cases of pytracking."""

import logging
from typing import Any

from django_site import asgi_handler, request_asgi, request_wsgi, wsgi_handler
from loop import BrokenCaseError, Case, serve
from pytracking import Configuration, get_open_tracking_url
from pytracking.html import adapt_html
from pytracking_site import CONFIGURATION
from sample import APP_URL, ARGS, KWARGS, LINKS, MAIL, PREFIX, environ, scope

# Built once, as its manual has it.
CONFIGURED = Configuration(**CONFIGURATION)


def metadata(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments as the one dict that pytracking takes."""
    return {"args": list(args), **kwargs} if args else kwargs


METADATA = metadata(ARGS, KWARGS)


def url(data: dict[str, Any] = METADATA) -> str:
    """Make a URL."""
    return str(get_open_tracking_url(data, configuration=CONFIGURED))


def mail() -> str:
    """Track a whole mail."""
    return str(adapt_html(MAIL, METADATA, configuration=CONFIGURED))


def lengths(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, int]:
    """Give those of the token and the URL for some data."""
    made = url(metadata(args, kwargs))
    return {"token": len(made.removeprefix(f"{APP_URL}{PREFIX}")), "url": len(made)}


def main() -> None:
    """Serve them all."""
    path = url().removeprefix(APP_URL)
    forged = f"{path[:80]}{'A' if path[80] != 'A' else 'B'}{path[81:]}"
    site, site_async = wsgi_handler(), asgi_handler()
    # Its image is a PNG; to what isn't a token it answers 404, which Django logs.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    if not request_wsgi(site, environ(path)).startswith(b"\x89PNG"):
        raise BrokenCaseError("no image")
    if b"Not Found" not in request_wsgi(site, environ(forged)):
        raise BrokenCaseError("a forged token is answered")
    if mail().count(APP_URL) != LINKS + 1:
        raise BrokenCaseError("a mail isn't tracked")
    cases = {
        "mail": Case(mail),
        "django": Case(request_wsgi, (site, environ(path)), records=True),
        "django_async": Case(request_asgi, (site_async, scope(path)), records=True),
        "url": Case(url),
        "forged_django": Case(request_wsgi, (site, environ(forged))),
    }
    serve(cases, lengths, path=path)


if __name__ == "__main__":
    main()
