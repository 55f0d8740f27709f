"""What a request carries, whether it is Django's, WebOb's or a plain environ."""

from collections.abc import Mapping
from typing import Any


def environ_of(request: Any) -> Mapping[str, Any]:
    """Give the WSGI environ of a request, or Django's ``META``, which is named alike.

    Args:
        request: What a callback gets: a Django ``HttpRequest`` (of WSGI or of ASGI), a
            ``webob.Request``, or anything else that has ``META`` or ``environ``; or an
            environ itself.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(request, Mapping):
        return request
    for name in ("META", "environ"):
        found = getattr(request, name, None)
        if isinstance(found, Mapping):
            return found
    raise TypeError(
        "a request with META or environ is needed, or an environ itself, not "
        f"{type(request).__name__}"
    )


def text(environ: Mapping[str, Any], key: str) -> str:
    """Give a value of an environ; the empty text if it is missing, or is no text."""
    found = environ.get(key)
    return found if isinstance(found, str) else ""
