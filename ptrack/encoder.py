"""The default encoder, at its import path of django-ptrack 3.0.0."""

from typing import Any

from . import endpoints
from .core.tokens import Arguments


class PtrackEncoder:
    """Seals and opens tokens with the secrets of the project's settings.

    These are Django's settings where they are configured, else the environment.
    """

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        """Seal arguments into a token: see `ptrack.core.tokens.TokenBox.encrypt`."""
        return endpoints.make_box_in_force().encrypt(*args, **kwargs)

    @staticmethod
    def decrypt(token: str | bytes) -> Arguments:
        """Open a token: see `ptrack.core.tokens.TokenBox.decrypt`."""
        return endpoints.make_box_in_force().decrypt(token)
