"""Encrypted, stateless tracking pixels for Django and any WSGI app."""

from .counters import Counters
from .discovery import autodiscover
from .encoder import Encoder, PtrackEncoder
from .shortcuts import pixel_tag, pixel_url
from .trackers import TrackingPixel, tracker

# Any module may assign another; it is looked up here at each use.
ptrack_encoder: Encoder = PtrackEncoder

__all__ = [
    "Counters",
    "PtrackEncoder",
    "TrackingPixel",
    "autodiscover",
    "pixel_tag",
    "pixel_url",
    "ptrack_encoder",
    "tracker",
]
