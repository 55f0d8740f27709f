"""Where the site's pixels are looked for."""

from tools.soak.served import behind

__all__ = ["behind"]
