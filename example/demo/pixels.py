"""What happens at an open and at a click: ptrack finds this module by its name.

The keywords are those of ``track()`` and of ``{% ptrack %}``. Each has a default, and
``*args`` and ``**others`` take the rest: mails outlive the code that sent them.
"""

import time
from typing import Any

from django.http import HttpRequest

import ptrack
from ptrack import agents

from .models import Campaign, Click, Open


@ptrack.tracker.register
class KeepOpen(ptrack.TrackingPixel):
    """Keeps every open as a row."""

    def record(
        self, request: HttpRequest, *args: Any, page: str = "", **keywords: Any
    ) -> None:
        Open.objects.create(
            page=str(page or ""), **agent_of(request), **_mail(**keywords)
        )


@ptrack.tracker.register
class KeepClick(ptrack.TrackingLink):
    """Keeps every click as a row."""

    def record(
        self, request: HttpRequest, url: str, *args: Any, **keywords: Any
    ) -> None:
        Click.objects.create(url=url, **agent_of(request), **_mail(**keywords))


def agent_of(request: HttpRequest) -> dict[str, Any]:
    """Give the fields that tell who it was."""
    agent = agents.identify(request)
    return {
        "user_agent": request.META.get("HTTP_USER_AGENT", ""),
        "kind": agent.kind,
        "agent": agent.name,
        "on_open": agent.on_open,
    }


def _mail(
    campaign: int | None = None,
    recipient: str = "",
    sent: float | None = None,
    **others: Any,
) -> dict[str, Any]:
    return {
        "campaign": _campaign(campaign),
        "recipient": str(recipient or ""),
        "seconds": _seconds_since(sent),
    }


def _campaign(key: Any) -> Campaign | None:
    # The mails of a campaign that was deleted are still opened.
    return Campaign.objects.filter(pk=key).first() if isinstance(key, int) else None


def _seconds_since(sent: Any) -> float | None:
    return max(0.0, time.time() - sent) if isinstance(sent, int | float) else None
