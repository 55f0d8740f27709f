"""The tables: a row for each hit.

The primary key is the hit's own id (`ptrack.hit`), so a hit that is delivered twice is
one row. It is a UUID of version 7, so new rows go to the end of its index.

There are two more indexes. One leads with the time (lists, days, and the unique keys of
a period), the other one with the key (all rows of one reader). Each holds both, so that
counts are answered from the index alone. The second one holds only rows that have a
key, so it costs nothing on a site that uses no keys.
"""

from typing import Any, ClassVar

from django.db import models

from .keys import LENGTH


class Row(models.Model):
    """One hit.

    Attributes:
        id: The hit's id.
        at: The hit's time.
        args: The positional arguments that the pixel or link was made with.
        kwargs: Its keyword arguments.
        user_agent: As it was sent: bytes from 0x80 on as Latin-1, as in ``META``.
        ip: The client's address; ``None`` unless ``PTRACK_STATS_IP`` asks for it.
        key: The value of the keyword that ``PTRACK_STATS_KEY`` names, by which unique
            hits are counted; ``None`` if it is missing.
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
    # Null for no key: an empty text is a value like any other.
    key: "models.CharField[Any, Any]" = models.CharField(  # noqa: DJ001
        max_length=LENGTH, null=True, blank=True
    )

    class Meta:
        """The order and the indexes, which are the same for both tables."""

        abstract = True
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["at", "key"], name="%(app_label)s_%(class)s_at"),
            models.Index(
                fields=["key", "at"],
                condition=models.Q(key__isnull=False),
                name="%(app_label)s_%(class)s_key",
            ),
        ]

    def __str__(self) -> str:
        """Return the time alone: error trackers and logs show the names of objects."""
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class Open(Row):
    """One request for a pixel."""


class Click(Row):
    """One request for a link.

    Attributes:
        url: The link's target.
    """

    url: "models.TextField[Any, Any]" = models.TextField("URL")
