"""A hit on its way to a worker: the text that it becomes, and what is read from it.

A job is JSON in ASCII, so that every engine keeps it as it is: serializers that know no
more than JSON, and databases that know less (PostgreSQL's ``jsonb`` has no U+0000).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from .hits import KEY, Hit, hit

# What a broker's disk is no place for (Django's middleware puts the secret of a cookie
# into "CSRF_COOKIE"; the last isn't even the client's: a variable of that name is the
# server's proxy, https://httpoxy.org/), and the length of the body, which is left out.
_LEFT_OUT = frozenset(
    {
        "HTTP_AUTHORIZATION",
        "HTTP_COOKIE",
        "HTTP_PROXY_AUTHORIZATION",
        "CSRF_COOKIE",
        "CONTENT_LENGTH",
        "HTTP_PROXY",
    }
)

# RFC 3875, section 4.1: under CGI these too come from the environment.
_CGI = frozenset(
    {
        "CONTENT_TYPE",
        "GATEWAY_INTERFACE",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    }
)


class Job(NamedTuple):
    """What is read from a job.

    Attributes:
        callback: The name of the class whose ``record`` is to be called.
        environ: That of the request, as WSGI has it; see `job_of`.
        args: The positional arguments after the request.
        kwargs: The keyword arguments.
    """

    callback: str
    environ: dict[str, Any]
    args: list[Any]
    kwargs: dict[str, Any]


def job_of(
    callback: str, request: Any, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> str:
    """Give the job that has a hit recorded elsewhere.

    Args:
        callback: The name of the class whose ``record`` is to be called.
        request: Of what loaded the pixel. Its ``META`` is kept as far as it is text,
            without cookies, authorization, the variables of this process (which some
            servers put there), and without what isn't text: the body, the user, the
            session.
        args: The positional arguments after the request.
        kwargs: The keyword arguments.

    Raises:
        TypeError, ValueError: Something isn't JSON, which only an encoder of one's own
            brings about.
    """
    told = hit(request)
    return json.dumps(
        {
            "callback": callback,
            "id": told.id.hex,
            "at": told.at.isoformat(),
            "meta": _kept(request),
            "args": list(args),
            "kwargs": dict(kwargs),
        },
        separators=(",", ":"),
    )


def read(job: str) -> Job:
    """Give what is in a job.

    Raises:
        ValueError: It is none.
    """
    try:
        found = json.loads(job)
        told = Hit(UUID(hex=found["id"]), datetime.fromisoformat(found["at"]))
        return Job(
            found["callback"],
            {**found["meta"], KEY: told},
            found["args"],
            found["kwargs"],
        )
    except Exception as error:
        # Not what it says: it may show what the hit carries.
        raise ValueError(f"not a job of ptrack ({type(error).__name__})") from None


def _kept(request: Any) -> dict[str, str]:
    meta = {
        name: value
        for name, value in request.META.items()
        if isinstance(value, str) and name not in _LEFT_OUT and _is_its_own(name, value)
    }
    if _is_django(request):
        # Django has decoded these, and WSGI has bytes as Latin-1.
        for name in ("PATH_INFO", "SCRIPT_NAME"):
            decoded = meta.get(name, "")
            meta[name] = decoded.encode("utf-8", "replace").decode("latin-1")
        # Of a proxy, if the site believes it; and under ASGI there is none.
        meta["wsgi.url_scheme"] = request.scheme
        meta.setdefault("SERVER_PROTOCOL", "HTTP/1.1")
    return meta


def _is_its_own(name: str, value: str) -> bool:
    """Tell what is the request's from what is the server's environment."""
    return (
        name.startswith("HTTP_") or name in _CGI or os.environ.get(name, None) != value
    )


def _is_django(request: Any) -> bool:
    http = sys.modules.get("django.http")
    return http is not None and isinstance(request, http.HttpRequest)
