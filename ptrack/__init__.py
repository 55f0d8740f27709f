"""Encrypted, stateless tracking pixels for Django and any WSGI or ASGI app."""

from .core.callbacks import TrackingLink, TrackingPixel, tracker
from .core.counters import Counters
from .core.hits import hit
from .core.tokens import Encoder, PtrackEncoder
from .discovery import autodiscover
from .shortcuts import link_url, pixel_tag, pixel_url

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
