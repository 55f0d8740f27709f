"""What callbacks get where Django makes no request of its own."""

from typing import TYPE_CHECKING

from webob import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class PixelRequest(Request):
    """A ``webob.Request`` that knows Django's ``META`` too."""

    @property
    def META(self) -> "WSGIEnvironment":  # noqa: N802 - Django's name
        """The environ, by the name that it has on Django's requests."""
        return self.environ
