"""A hit as text, on its way to a worker.

A job is JSON in ASCII, so that every engine keeps it as it is: serializers that know no
more than JSON, and databases that know less (PostgreSQL's ``jsonb`` has no U+0000).
"""

import json
import os
import sys
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from . import kinds
from .hits import Hit
from .kinds import Kind

# A broker's disk must not get these. Django's middleware puts the secret of a cookie
# into "CSRF_COOKIE". The last isn't the client's: a variable of that name is the
# server's proxy (https://httpoxy.org/). The body is left out, so its length is too.
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
    """The content of a job.

    Attributes:
        callback: The name of the class whose ``record`` is to be called.
        kind: The hit's kind.
        id: Its identity.
        at: Its time.
        environ: The environ of its request, as WSGI has it; see `write_job`.
        args: The positional arguments.
        kwargs: The keyword arguments.
        target: A link's target.
    """

    callback: str
    kind: Kind
    id: UUID
    at: datetime
    environ: dict[str, Any]
    args: list[Any]
    kwargs: dict[str, Any]
    target: str | None

    def to_hit(self, request: Any) -> Hit:
        """Return the hit, with a request that was made of `environ`."""
        hit = Hit(self.kind, request, self.args, self.kwargs, self.target)
        hit.identify(self.id, self.at)
        return hit


def write_job(callback: str, hit: Hit) -> str:
    """Return the job with which a worker records a hit.

    Args:
        callback: The name of the class whose ``record`` is to be called.
        hit: The hit. The ``META`` of its request is kept as far as it is text, without
            cookies, authorization and the variables of this process, which some servers
            put there. The body, the user and the session aren't kept.

    Raises:
        TypeError, ValueError: A value isn't one of JSON's, which only a custom encoder
            can cause.
    """
    return json.dumps(
        {
            "callback": callback,
            "kind": hit.kind.name,
            "id": hit.id.hex,
            "at": hit.at.isoformat(),
            "meta": _select_meta(hit.request),
            "args": list(hit.args),
            "kwargs": dict(hit.kwargs),
            "target": hit.target,
        },
        separators=(",", ":"),
    )


def read_job(job: str) -> Job:
    """Return the content of a job.

    Raises:
        ValueError: The text isn't a job.
    """
    try:
        return _parse(job)
    except Exception as error:
        # Its type alone: the message may show the content of the hit.
        problem = type(error).__name__
    # Error trackers show the variables of frames, also of an exception before this one.
    del job
    raise ValueError(f"not a job of ptrack ({problem})")


def _parse(job: str) -> Job:
    found = json.loads(job)
    by_name = {kind.name: kind for kind in kinds.KINDS}
    return Job(
        found["callback"],
        by_name[found["kind"]],
        UUID(hex=found["id"]),
        datetime.fromisoformat(found["at"]),
        dict(found["meta"]),
        found["args"],
        found["kwargs"],
        found["target"],
    )


def _select_meta(request: Any) -> dict[str, str]:
    meta = {
        name: value
        for name, value in request.META.items()
        if isinstance(value, str) and name not in _LEFT_OUT and _is_sent(name, value)
    }
    if _is_django(request):
        # Django has decoded these, and WSGI has bytes as Latin-1.
        for name in ("PATH_INFO", "SCRIPT_NAME"):
            decoded = meta.get(name, "")
            meta[name] = decoded.encode("utf-8", "replace").decode("latin-1")
        # The proxy's scheme, if the site trusts it; under ASGI, META has none.
        meta["wsgi.url_scheme"] = request.scheme
        meta.setdefault("SERVER_PROTOCOL", "HTTP/1.1")
    return meta


def _is_sent(name: str, value: str) -> bool:
    """Return whether a variable is the request's, not the server's environment's."""
    return (
        name.startswith("HTTP_") or name in _CGI or os.environ.get(name, None) != value
    )


def _is_django(request: Any) -> bool:
    http = sys.modules.get("django.http")
    return http is not None and isinstance(request, http.HttpRequest)
