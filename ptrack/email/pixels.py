"""The pixels of ptrack's that the HTML of a mail has already."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ptrack.core.kinds import PIXEL
from ptrack.shortcuts import read_url

from .html import Image


class HeldPixels:
    """The pixels that a text has before it is tracked.

    Args:
        images: The images of the text.
        owns: Decides whether a URL is one of ptrack's.

    Attributes:
        quoted: Those in quotations, which are an older mail's.
        has_own: Whether there are others.
    """

    def __init__(self, images: Iterable[Image], owns: Callable[[str], bool]) -> None:
        self.quoted = []
        self.has_own = False
        self._contents = set()
        for image in images:
            url = next(filter(owns, _find_urls(image)), None)
            if url is not None and image.quoted:
                self.quoted.append(image)
                self._contents.add(_read_content(url))
            elif url is not None:
                self.has_own = True

    def is_tracked(self, args: Iterable[Any], kwargs: Mapping[str, Any]) -> bool:
        """Return whether the text is tracked already, with these arguments.

        So it is by any pixel outside quotations, and by one with the same arguments.

        Args:
            args: The positional arguments of the pixel to set.
            kwargs: Its keyword arguments.
        """
        if self.has_own or not self.quoted:
            return self.has_own
        content = _freeze(args, kwargs)
        return content is not None and content in self._contents


def _find_urls(image: Image) -> Iterator[str]:
    yield image.url
    if image.quoted:
        # Gmail's image proxy has the original URL behind "#".
        yield image.url.partition("#")[2]


def _read_content(url: str) -> str | None:
    """Return the arguments in a pixel's URL; ``None`` if they can't be read."""
    carried = read_url(url)
    if carried is None or carried.kind is not PIXEL:
        return None
    return _freeze(carried.args, carried.kwargs)


def _freeze(args: Iterable[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Return arguments as text, in which ``1`` and ``True`` differ.

    Returns:
        ``None`` if JSON can't hold them: at most a custom encoder carries them.
    """
    try:
        return json.dumps([[*args], {**kwargs}], sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None
