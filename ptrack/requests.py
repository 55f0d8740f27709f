"""The requests that callbacks get outside Django."""

import sys
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from webob import Request

from .core.hits import Hit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Scope = Mapping[str, Any]


class PixelRequest(Request):
    """A ``webob.Request`` that has Django's ``META`` too.

    Attributes:
        ptrack_hit: The hit that it is the request of: see `ptrack.hit`.
    """

    # On the class, so that WebOb doesn't put it into the environ.
    ptrack_hit: Hit | None = None
    _scope: Scope | None = None

    @classmethod
    def from_scope(cls, scope: Scope) -> "PixelRequest":
        """Return the request of an ASGI scope; its environ is made when it is needed.

        Args:
            scope: A scope of the type ``http``.
        """
        request = cls({})
        attributes = vars(request)
        attributes["_scope"] = scope
        del attributes["environ"]
        return request

    @cached_property
    def environ(self) -> "WSGIEnvironment":  # type: ignore[override]
        """The environ (PEP 3333): the server's, or made of the scope."""
        try:
            return make_environ(self._scope or {})
        except AttributeError as error:
            # WebOb would take that for a missing attribute, and look for it here.
            raise TypeError(f"not an ASGI scope: {error}") from error

    @property
    def META(self) -> "WSGIEnvironment":  # noqa: N802 - Django's name
        """The environ, by the name that it has on Django's requests."""
        return self.environ


def find_path(scope: Scope) -> str:
    """Return the path below the place that the app is mounted at.

    The ASGI specification has ``root_path`` inside of ``path`` ("HTTP Connection Scope"
    and "WSGI Compatibility"). Older servers and proxies leave it out; a path that isn't
    below it is taken whole.

    Args:
        scope: A scope of the type ``http``.
    """
    path: str = scope.get("path") or ""
    mount = _find_mount(scope)
    below = path.removeprefix(mount)
    return below if not below or below.startswith("/") else path


def make_environ(scope: Scope) -> "WSGIEnvironment":
    """Return a scope as an environ: bytes as Latin-1 (PEP 3333, "Unicode Issues").

    Args:
        scope: A scope of the type ``http``; parts that it lacks are left out or empty.
    """
    host, port = _read_address(scope.get("server"), "localhost", "80")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.get("method", "GET").upper(),
        "SCRIPT_NAME": _to_latin1(_find_mount(scope)),
        "PATH_INFO": _to_latin1(find_path(scope)),
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version') or '1.1'}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme") or "http",
        # The body is left to the server: no callback records it.
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        address, port = _read_address(scope["client"], "", "")
        environ |= {"REMOTE_ADDR": address, "REMOTE_PORT": port}
    environ |= _read_headers(scope)
    # Without a body, WebOb would wait for one, and find the client gone.
    environ.pop("CONTENT_LENGTH", None)
    return environ


def _find_mount(scope: Scope) -> str:
    mount: str = scope.get("root_path") or ""
    return mount.rstrip("/")


def _to_latin1(path: str) -> str:
    # No server should hand over lone surrogates; if one does, the hit still counts.
    return path.encode("utf-8", "surrogatepass").decode("latin-1")


def _read_address(pair: Any, host: str, port: str) -> tuple[str, str]:
    """Return host and port; a Unix socket has only one of them, or none."""
    found = [each if each is None else str(each) for each in pair or ()]
    found += [None, None]
    return found[0] or host, found[1] or port


def _read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by the names that CGI has for them."""
    found: dict[str, list[str]] = {}
    for raw, value in scope.get("headers") or ():
        name = raw.decode("latin-1").upper()
        # Django does the same: "X_A" would pass for "X-A", which a proxy vouches for.
        if "_" not in name:
            found.setdefault(_name_variable(name), []).append(value.decode("latin-1"))
    return {
        # RFC 9113, section 8.2.3, and RFC 9110, section 5.3.
        name: ("; " if name == "HTTP_COOKIE" else ",").join(values)
        for name, values in found.items()
    }


def _name_variable(name: str) -> str:
    variable = name.replace("-", "_")
    return (
        variable
        if variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        else f"HTTP_{variable}"
    )
