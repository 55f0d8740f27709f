"""What callbacks get where Django makes no request of its own."""

import sys
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from webob import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Scope = Mapping[str, Any]


class PixelRequest(Request):
    """A ``webob.Request`` that knows Django's ``META`` too."""

    @classmethod
    def of_scope(cls, scope: Scope) -> "PixelRequest":
        """Give the request of an ASGI scope, whose environ is made when it is needed.

        Args:
            scope: Of the type ``http``.
        """
        request: PixelRequest = object.__new__(cls)
        # Past WebOb's __setattr__, which would want the environ.
        request.__dict__["_scope"] = scope
        return request

    @cached_property
    def environ(self) -> "WSGIEnvironment":  # type: ignore[override]
        """The environ (PEP 3333): the server's, or made of the scope."""
        try:
            return environ_of(self.__dict__["_scope"])
        except AttributeError as error:
            # WebOb would take that for a missing attribute, and look for it here.
            raise TypeError(f"not an ASGI scope: {error}") from error

    @property
    def META(self) -> "WSGIEnvironment":  # noqa: N802 - Django's name
        """The environ, by the name that it has on Django's requests."""
        return self.environ


def path_below(scope: Scope) -> str:
    """Give the path below the place that the app is mounted at.

    The ASGI specification has ``root_path`` inside of ``path``, "HTTP Connection Scope"
    and "WSGI Compatibility"; older servers and proxies leave it out, and what doesn't
    lie below it is taken for whole.

    Args:
        scope: Of the type ``http``.
    """
    path: str = scope.get("path") or ""
    mount = _mount(scope)
    below = path.removeprefix(mount)
    return below if not below or below.startswith("/") else path


def environ_of(scope: Scope) -> "WSGIEnvironment":
    """Give a scope as WSGI has it: bytes as Latin-1 (PEP 3333, "Unicode Issues").

    Args:
        scope: Of the type ``http``; what it lacks is left out or empty.
    """
    host, port = _address(scope.get("server"), "localhost", "80")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.get("method", "GET").upper(),
        "SCRIPT_NAME": _latin1(_mount(scope)),
        "PATH_INFO": _latin1(path_below(scope)),
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version') or '1.1'}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme") or "http",
        # The body is left to the server: nobody records what is in it.
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        address, port = _address(scope["client"], "", "")
        environ |= {"REMOTE_ADDR": address, "REMOTE_PORT": port}
    environ |= _variables(scope)
    # Of a body that isn't there: WebOb would take the client for gone.
    environ.pop("CONTENT_LENGTH", None)
    return environ


def _mount(scope: Scope) -> str:
    mount: str = scope.get("root_path") or ""
    return mount.rstrip("/")


def _latin1(path: str) -> str:
    # No server should hand over lone surrogates; if one does, nothing is to break.
    return path.encode("utf-8", "surrogatepass").decode("latin-1")


def _address(pair: Any, host: str, port: str) -> tuple[str, str]:
    """Give host and port, of which a Unix socket has but one or none."""
    found = [each if each is None else str(each) for each in pair or ()]
    found += [None, None]
    return found[0] or host, found[1] or port


def _variables(scope: Scope) -> dict[str, str]:
    """Give the headers by the names that CGI has for them."""
    found: dict[str, list[str]] = {}
    for raw, value in scope.get("headers") or ():
        name = raw.decode("latin-1").upper()
        # Django does the same: "X_A" would pass for "X-A", which a proxy vouches for.
        if "_" not in name:
            found.setdefault(_variable(name), []).append(value.decode("latin-1"))
    return {
        # RFC 9113, section 8.2.3, and RFC 9110, section 5.3.
        name: ("; " if name == "HTTP_COOKIE" else ",").join(values)
        for name, values in found.items()
    }


def _variable(name: str) -> str:
    variable = name.replace("-", "_")
    return (
        variable
        if variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        else f"HTTP_{variable}"
    )
