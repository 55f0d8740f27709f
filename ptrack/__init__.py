"""Encrypted, stateless tracking pixels for Django and any WSGI or ASGI app."""

from .counters import Counters
from .discovery import autodiscover
from .encoder import Encoder, PtrackEncoder
from .hits import hit
from .shortcuts import link_url, pixel_tag, pixel_url
from .trackers import TrackingLink, TrackingPixel, tracker

# Any module may assign another; it is looked up here at each use.
ptrack_encoder: Encoder = PtrackEncoder

__all__ = [
    "Counters",
    "PtrackEncoder",
    "TrackingLink",
    "TrackingPixel",
    "autodiscover",
    "hit",
    "link_url",
    "pixel_tag",
    "pixel_url",
    "ptrack_encoder",
    "tracker",
]
