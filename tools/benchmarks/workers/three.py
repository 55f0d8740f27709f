"""The cases of django-ptrack 3.0.0."""

from typing import Any

import three_site  # noqa: F401 - Django has to be configured first

# isort: split
from django.template import Context, Template
from django_site import make_asgi, make_wsgi, request_asgi, request_wsgi
from loop import BrokenCaseError, Case, serve
from sample import APP_URL, ARGS, KWARGS, PREFIX, make_environ, make_scope

import ptrack

TEMPLATE = Template("{% load ptrack %}{% ptrack 'testarg' key1='arg1' key2='arg2' %}")
TOKEN = ptrack.ptrack_encoder.encrypt(*ARGS, **KWARGS)
PATH = f"{PREFIX}{TOKEN}/"
FORGED = f"{PREFIX}{TOKEN[:80]}{'A' if TOKEN[80] != 'A' else 'B'}{TOKEN[81:]}/"


def render_tag(*args: Any, **kwargs: Any) -> str:
    """Render the tag of the template."""
    from ptrack.templatetags.ptrack import ptrack as render

    return str(render(*args, **kwargs))


def measure_lengths(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, int]:
    """Return the lengths of the token and the URL for some data."""
    return {
        "token": len(ptrack.ptrack_encoder.encrypt(*args, **kwargs)),
        "url": len(render_tag(*args, **kwargs).split("'")[1]),
    }


def main() -> None:
    """Serve all cases."""
    site, site_async = make_wsgi(), make_asgi()
    for path in (PATH, FORGED):
        if not request_wsgi(site, make_environ(path)).startswith(b"GIF89a"):
            raise BrokenCaseError("no image")
    if f"{APP_URL}{PREFIX}" not in TEMPLATE.render(Context()):
        raise BrokenCaseError("no URL")
    cases = {
        "django": Case(request_wsgi, (site, make_environ(PATH)), records=True),
        "django_async": Case(
            request_asgi, (site_async, make_scope(PATH)), records=True
        ),
        "tag_template": Case(lambda: TEMPLATE.render(Context())),
        "forged_django": Case(request_wsgi, (site, make_environ(FORGED))),
    }
    serve(cases, measure_lengths, path=PATH)


if __name__ == "__main__":
    main()
