"""The pixels of the site, by the name that ptrack looks for."""

from tools.soak.served import behind

__all__ = ["behind"]
