"""Encrypted, stateless tracking pixels for Django and any WSGI or ASGI app."""

from .core.callbacks import tracker
from .core.counters import Counters
from .core.hits import Hit, hit
from .core.kinds import TrackingLink, TrackingPixel
from .core.tokens import Encoder
from .discovery import autodiscover
from .encoder import PtrackEncoder
from .shortcuts import link_url, pixel_tag, pixel_url

# Any module may assign another encoder, so each use looks it up here.
ptrack_encoder: Encoder = PtrackEncoder

__all__ = [
    "Counters",
    "Hit",
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
