"""The tables: a row for each hit.

The primary key is the hit's own id (`ptrack.hit`), so the same hit that is delivered
twice is one row. It is a UUID of version 7, so new rows go to the end of its index.

Of the two further indexes, one leads with the time (lists, days, and the unique keys of
a period) and one with the key (all of one reader). Each holds both, so that counts are
answered from the index alone. The second holds only rows that have a key: a site that
counts by none pays for none.
"""

from typing import Any, ClassVar

from django.db import models

from .keys import LENGTH


class Hit(models.Model):
    """One request for what a mail or a page carries.

    Attributes:
        id: `ptrack.hit`'s.
        at: When it came.
        args: The positional arguments that the pixel or link was made with.
        kwargs: Its keyword arguments.
        user_agent: As it was sent: bytes from 0x80 on as Latin-1, as in ``META``.
        ip: Where it came from; ``None`` unless ``PTRACK_OPENS_IP`` asks for it.
        key: What unique ones are counted by: the value of the keyword that
            ``PTRACK_OPENS_KEY`` names; ``None`` where it is missing.
    """

    id: "models.UUIDField[Any, Any]" = models.UUIDField(
        primary_key=True, editable=False
    )
    at: "models.DateTimeField[Any, Any]" = models.DateTimeField()
    args = models.JSONField(default=list, blank=True)
    kwargs = models.JSONField(default=dict, blank=True)
    user_agent: "models.TextField[Any, Any]" = models.TextField(blank=True)
    ip: "models.GenericIPAddressField[Any, Any]" = models.GenericIPAddressField(
        "IP address", null=True, blank=True
    )
    # Null, where an empty text is a value like any other.
    key: "models.CharField[Any, Any]" = models.CharField(  # noqa: DJ001
        max_length=LENGTH, null=True, blank=True
    )

    class Meta:
        """Both tables are alike."""

        abstract = True
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["at", "key"], name="ptrack_%(class)s_at"),
            models.Index(
                fields=["key", "at"],
                condition=models.Q(key__isnull=False),
                name="ptrack_%(class)s_key",
            ),
        ]

    def __str__(self) -> str:
        """Give the time alone: error trackers and logs show what objects are called."""
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class Open(Hit):
    """One loading of a pixel."""


class Click(Hit):
    """One following of a link.

    Attributes:
        url: Where it led.
    """

    url: "models.TextField[Any, Any]" = models.TextField("URL")
