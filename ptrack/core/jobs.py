"""A hit as text, on its way to a worker.

A job is JSON in ASCII, so that every engine keeps it as it is: serializers that know no
more than JSON, and databases that know less (PostgreSQL's ``jsonb`` has no U+0000).

A worker takes text from a broker for a job only if `write_job` could have written it.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from . import kinds
from .hits import MAX_HEADER, Hit, read_environ, read_forwarded, read_header
from .kinds import Kind
from .links import check_target

MAX_JOB = 250_000
"""The characters, and bytes, of a job at most.

A token of ptrack's own and `MAX_VARIABLES` always fit. What doesn't fit is no job: a
custom encoder can have a token stand for anything.
"""

MAX_VARIABLES = 32_000
"""The characters of all variables in a job: names, values, and 6 of JSON for each."""

# RFC 3875, section 4.1, without the two that concern the body or the server's disk.
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

# A broker's disk must not get these. The last isn't the client's: a variable of that
# name is the server's proxy (https://httpoxy.org/).
_SECRET = frozenset(
    {"HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_PROXY_AUTHORIZATION", "HTTP_PROXY"}
)


class Job(NamedTuple):
    """The content of a job.

    Attributes:
        callback: The name of the class whose ``record`` is to be called.
        kind: The hit's kind.
        id: Its identity.
        at: Its time, in UTC.
        environ: The environ of its request, as WSGI has it; see `write_job`.
        args: The positional arguments.
        kwargs: The keyword arguments.
        target: A link's target.
    """

    callback: str
    kind: Kind
    id: UUID
    at: datetime
    environ: dict[str, str]
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
        hit: The hit. Of the ``META`` of its request, a job has CGI's variables, the
            scheme and the headers without cookies and authorization, as far as
            `MAX_HEADER` and `MAX_VARIABLES` allow. The body, the user, the session and
            all other variables aren't kept.

    Returns:
        At most `MAX_JOB` characters.

    Raises:
        TypeError, ValueError: A value isn't one of JSON's, or is too large, which only
            a custom encoder or a hit of the project's own can cause.
    """
    job = Job(
        *(callback, hit.kind, hit.id, hit.at, _select_variables(hit.request)),
        *(list(hit.args), dict(hit.kwargs), hit.target),
    )
    _check(job)
    found = {
        "callback": job.callback,
        "kind": job.kind.name,
        "id": job.id.hex,
        "at": job.at.isoformat(),
        "meta": job.environ,
        "args": job.args,
        "kwargs": job.kwargs,
        "target": job.target,
    }
    text = json.dumps(found, separators=(",", ":"))
    _check_length(text)
    return text


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


def _parse(text: str) -> Job:
    _check_length(text)
    found = json.loads(text)
    by_name = {kind.name: kind for kind in kinds.KINDS}
    job = Job(
        found["callback"],
        by_name[found["kind"]],
        UUID(hex=found["id"]),
        datetime.fromisoformat(found["at"]),
        # A later version may send more.
        {name: value for name, value in found["meta"].items() if _is_kept(name)},
        found["args"],
        found["kwargs"],
        found["target"],
    )
    _check(job)
    return job._replace(at=job.at.astimezone(UTC))


# -- rules for both ways --------------------------------------------------------------


def _check_length(text: str) -> None:
    if len(text) > MAX_JOB:
        raise ValueError(f"a job may have {MAX_JOB} characters, not {len(text)}")


def _check(job: Job) -> None:
    """Raise an error if a callback can't be called with the content of a job.

    Raises:
        TypeError: A value is of another type.
        ValueError: The callback's name is too long; the time has no zone, or isn't of
            the years 1970 to 2999; or the target doesn't fit the kind.
    """
    texts = (job.callback, *job.environ.values(), *job.kwargs)
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("a name or a variable isn't text")
    if not isinstance(job.args, list) or not isinstance(job.kwargs, dict):
        raise TypeError("the arguments aren't a list and a dict")
    if len(job.callback) > MAX_HEADER:
        raise ValueError("the callback's name is too long")
    # Beyond these years, a change of the zone or a database may fail.
    if job.at.tzinfo is None or not 1970 <= job.at.astimezone(UTC).year < 3000:
        raise ValueError("the time has no zone, or is absurd")
    if job.kind.has_target:
        check_target(job.target)
    elif job.target is not None:
        raise ValueError("only a link has a target")


def _is_kept(name: str) -> bool:
    """Return whether a variable is one of a request that may be on a broker's disk."""
    if name.startswith("HTTP_"):
        return name not in _SECRET
    return name in _CGI or name == "wsgi.url_scheme"


# -- the variables of a request -------------------------------------------------------


def _select_headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that look like headers; others may be secrets."""
    return {
        name: value for name, value in environment.items() if name.startswith("HTTP_")
    }


def _read_environment() -> dict[str, str] | None:
    """Return such variables of the process; ``None`` where they are the request's.

    Python's own server puts the environment into every environ. Under CGI (RFC 3875,
    section 4.1.4) the environment is the request.
    """
    return None if "GATEWAY_INTERFACE" in os.environ else _select_headers(os.environ)


# As it is when the server starts, and has its own copy: the app may change it later.
_ENVIRONMENT = _read_environment()


def _find_environments() -> list[dict[str, str]]:
    """Return the environment as it was when ptrack and Python's server were imported.

    The app may have changed it in between.
    """
    if _ENVIRONMENT is None:
        return []
    server = sys.modules.get("wsgiref.handlers")
    if server is None:
        return [_ENVIRONMENT]
    return [_ENVIRONMENT, _select_headers(server.BaseHandler.os_environ)]


def _select_variables(request: Any) -> dict[str, str]:
    environ = _decode(request) if _is_django(request) else read_environ(request)
    environments = _find_environments()
    found: dict[str, str] = {}
    spare = MAX_VARIABLES
    # Those that ptrack reads come first, so that no mass of others drives them out.
    for name in sorted(filter(_is_kept, environ), key=_is_optional):
        if _is_of_process(name, environ[name], environments):
            continue
        value = _read_variable(environ, name)
        size = len(name) + len(value or "") + 6
        if value is not None and size <= spare:
            spare -= size
            found[name] = value
    return found


def _is_of_process(name: str, value: Any, environments: list[dict[str, str]]) -> bool:
    """Return whether what looks like a header is the process's own variable."""
    return name.startswith("HTTP_") and any(
        each.get(name) == value for each in environments
    )


def _is_optional(name: str) -> bool:
    return name not in _CGI and name not in _CUTS


def _read_variable(environ: Mapping[str, Any], name: str) -> str | None:
    """Return the part of a variable that is kept; ``None`` to leave it out."""
    value = environ[name]
    if not isinstance(value, str):
        return None
    if len(value) <= MAX_HEADER:
        return value
    # The start of any other may be another value: in a list of addresses it is what a
    # stranger wrote before the proxies.
    return _CUTS[name](environ, name) if name in _CUTS else None


def _cut_path(environ: Mapping[str, Any], name: str) -> str:
    # Half a character in UTF-8 couldn't be decoded.
    return read_header(environ, name).rstrip(_BEYOND_ASCII)


def _cut_query(environ: Mapping[str, Any], name: str) -> str:
    # Half a parameter would be another one.
    return read_header(environ, name).rpartition("&")[0]


_BEYOND_ASCII = bytes(range(0x80, 0x100)).decode("latin-1")

_CUTS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "HTTP_ACCEPT": read_header,
    "HTTP_ACCEPT_LANGUAGE": read_header,
    "HTTP_PURPOSE": read_header,
    "HTTP_REFERER": read_header,
    "HTTP_SEC_PURPOSE": read_header,
    "HTTP_USER_AGENT": read_header,
    "HTTP_X_FORWARDED_FOR": read_forwarded,
    "HTTP_X_MOZ": read_header,
    "HTTP_X_PURPOSE": read_header,
    "PATH_INFO": _cut_path,
    "QUERY_STRING": _cut_query,
    # Left out, it would be that of a peer without an address.
    "REMOTE_ADDR": read_header,
    "SCRIPT_NAME": _cut_path,
}
"""Variables of which a part is kept if they are too long, and how to find it."""


def _decode(request: Any) -> dict[str, Any]:
    """Return the environ of a request of Django's, as WSGI has it."""
    environ = {"SERVER_PROTOCOL": "HTTP/1.1", **request.META}
    # Django has decoded these, and WSGI has bytes as Latin-1.
    for name in ("PATH_INFO", "SCRIPT_NAME"):
        decoded = environ.get(name, "")
        environ[name] = decoded.encode("utf-8", "replace").decode("latin-1")
    # The proxy's scheme, if the site trusts it; under ASGI, META has none.
    return {**environ, "wsgi.url_scheme": request.scheme}


def _is_django(request: Any) -> bool:
    http = sys.modules.get("django.http")
    return http is not None and isinstance(request, http.HttpRequest)
