"""The registry of callbacks, by the path that django-ptrack 3.0.0 has it at."""

from .core.callbacks import Tracker, tracker

__all__ = ["Tracker", "tracker"]
