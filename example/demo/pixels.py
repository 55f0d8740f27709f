"""What happens when a pixel is loaded: ptrack finds this module by its name."""

import time
from typing import Any

from django.http import HttpRequest

import ptrack

from .models import Campaign, Open


@ptrack.tracker.register
class KeepOpen(ptrack.TrackingPixel):
    """Keeps every open as a row.

    The keywords are those of ``{% ptrack %}`` in the templates. Each has a default, and
    ``*args`` and ``**others`` take the rest: mails outlive the code that sent them.
    """

    def record(
        self,
        request: HttpRequest,
        *args: Any,
        campaign: int | None = None,
        recipient: str = "",
        sent: float | None = None,
        page: str = "",
        **others: Any,
    ) -> None:
        Open.objects.create(
            campaign=_campaign(campaign),
            recipient=str(recipient or ""),
            page=str(page or ""),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
            seconds_to_open=_seconds_since(sent),
        )


def _campaign(key: Any) -> Campaign | None:
    # The mails of a campaign that was deleted are still opened.
    return Campaign.objects.filter(pk=key).first() if isinstance(key, int) else None


def _seconds_since(sent: Any) -> float | None:
    return max(0.0, time.time() - sent) if isinstance(sent, int | float) else None
