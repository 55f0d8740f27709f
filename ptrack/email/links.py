"""The tracked URLs of one mail's links, as far as they are short enough."""

import logging
from contextlib import suppress
from typing import Any

from ptrack.core.endpoint import LONG_URL
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.logs import log
from ptrack.shortcuts import make_short_url

# Any target that is as short as one can be.
_SHORTEST = "http://a"


class LinkMaker:
    """Makes the tracked URLs of one mail, and counts the links that can't have any.

    No target keeps a mail from being sent, however long it is: servers and mail clients
    refuse long URLs, a token has a limit, and so may an encoder of the site's.

    Args:
        args: The positional arguments for the callbacks.
        kwargs: The keyword arguments for the callbacks.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self._urls: dict[str, str | None] = {}
        self._can_make = False

    def make(self, target: str) -> str | None:
        """Return the tracked URL of a target, always the same one.

        Returns:
            The URL; ``None`` if it would exceed `LONG_URL`, so that the link has to
            stay as it is.

        Raises:
            TypeError, ValueError: An argument can't be carried.
            PtrackConfigurationError: As for `ptrack.pixel_url`.
            Exception: A custom encoder raises it for every link.
        """
        if target not in self._urls:
            self._urls[target] = self._try(target)
        return self._urls[target]

    def _try(self, target: str) -> str | None:
        # The error itself is dropped: it may be about the length of the target.
        with suppress(Exception):
            return make_short_url(LINK, self._args, self._kwargs, target)
        self._check_that_others_work()
        return None

    def _check_that_others_work(self) -> None:
        """Raise the error of the arguments, or of the configuration, if it is one's."""
        if not self._can_make:
            make_short_url(PIXEL, self._args, self._kwargs)
            make_short_url(LINK, (), {}, _SHORTEST)
            self._can_make = True

    def report(self) -> None:
        """Log how many targets the mail has for which there is no URL, if any."""
        count = list(self._urls.values()).count(None)
        if count:
            log(
                logging.WARNING,
                "%d links of a mail go out untracked: their URLs would have more than "
                "%d characters, or the encoder refused them. Shorten the targets, or "
                "put less into the arguments",
                count,
                LONG_URL,
            )
