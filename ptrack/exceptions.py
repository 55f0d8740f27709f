"""The errors that ptrack raises, in one tree: ``except PtrackError`` catches all."""


class PtrackError(Exception):
    """Base class of every error that ptrack raises on purpose."""


class PtrackConfigurationError(PtrackError, ValueError):
    """A setting or option is missing or unusable; the message says how to mend it.

    Under Django it reaches the site as ``django.core.exceptions.ImproperlyConfigured``.
    """


class PtrackRegistrationError(PtrackError):
    """A class can't be registered as a tracking pixel, or unregistered."""


class PtrackRecordingError(PtrackError):
    """A callback failed in a worker; the log has the reason."""


class PtrackTokenError(PtrackError, ValueError):
    """A token is not authentic.

    There is one message for every reason: with the reason, a stranger could search for
    a token that isn't refused. It is a ``ValueError`` too, which callers of
    django-ptrack 3.0.0's ``decrypt`` catch.
    """


class PtrackDependencyError(PtrackError, ImportError):
    """A package that an optional feature needs isn't installed.

    The message names the extra that brings it.
    """
