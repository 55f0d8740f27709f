"""What ptrack raises: one tree, so that ``except PtrackError`` catches it all."""


class PtrackError(Exception):
    """Base class of every error that ptrack raises on purpose."""


class PtrackConfigurationError(PtrackError, ValueError):
    """A setting or option is missing or unusable; the message says what to do.

    Under Django it reaches the site as ``django.core.exceptions.ImproperlyConfigured``.
    """


class PtrackRegistrationError(PtrackError):
    """A class can't be registered as a tracking pixel, or unregistered."""


class PtrackRecordingError(PtrackError):
    """A callback failed in a worker: the engine is told, and the log has why."""


class PtrackTokenError(PtrackError, ValueError):
    """A token is not authentic.

    There is one message for every reason: who can see why a token was refused can
    search for one that isn't. A ``ValueError`` too, which is what callers of
    django-ptrack 3.0.0's ``decrypt`` catch.
    """


class PtrackDependencyError(PtrackError, ImportError):
    """A package that an optional feature needs isn't installed.

    The message names the extra that brings it.
    """
