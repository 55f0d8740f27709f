"""Where the site's pixels are looked for."""

from soak.served import behind

__all__ = ["behind"]
