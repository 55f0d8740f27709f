"""The registry of callbacks, at its import path of django-ptrack 3.0.0."""

from .core.callbacks import Tracker, tracker

__all__ = ["Tracker", "tracker"]
