"""The encoder, by the path that django-ptrack 3.0.0 has it at."""

from .core.tokens import PtrackEncoder

__all__ = ["PtrackEncoder"]
