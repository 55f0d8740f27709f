"""The opens and clicks of a campaign, and who it was: what a report is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextChoices

from ptrack import agents
from ptrack.opens import models

from .models import Campaign


class Who(TextChoices):
    """Who a hit is put down to."""

    PERSON = "person"
    MACHINE = "machine"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Hit:
    """One request for what a mail carries.

    Attributes:
        recipient: Whose mail it was.
        at: When it came.
        seconds: How long after the mail was sent; ``None`` if that isn't known.
        agent: Who it was.
    """

    recipient: str
    at: datetime
    seconds: float | None
    agent: agents.Agent

    @property
    def who(self) -> Who:
        """Whom it is put down to.

        A mail provider's proxy that fetches when its reader opens the mail stands for a
        person; one that fetches whether or not somebody reads is a machine.
        """
        if self.agent.on_open is None:
            return Who.UNKNOWN
        return Who.PERSON if self.agent.on_open else Who.MACHINE


@dataclass(frozen=True)
class Open(Hit):
    """One loading of a pixel."""


@dataclass(frozen=True)
class Click(Hit):
    """One following of a link.

    Attributes:
        url: Where it led.
    """

    url: str


def opens_of(campaign: Campaign) -> list[Open]:
    """Give the opens of a campaign, the first one first."""
    return [Open(**_common(row)) for row in _rows(models.Open, campaign)]


def clicks_of(campaign: Campaign) -> list[Click]:
    """Give the clicks of a campaign, the first one first."""
    rows = _rows(models.Click, campaign)
    return [Click(**_common(row), url=row.url) for row in rows]


def _rows(model: Any, campaign: Campaign) -> Any:
    return model.objects.filter(kwargs__campaign=campaign.pk).order_by("at", "id")


def _common(row: models.Hit) -> dict[str, Any]:
    return {
        "recipient": str(row.kwargs.get("recipient") or ""),
        "at": row.at,
        "seconds": _seconds_since(row.kwargs.get("sent"), row.at),
        "agent": _agent(row),
    }


def _seconds_since(sent: Any, at: datetime) -> float | None:
    return max(0.0, at.timestamp() - sent) if isinstance(sent, int | float) else None


def _agent(row: models.Hit) -> agents.Agent:
    environ = {"HTTP_USER_AGENT": row.user_agent}
    if row.kwargs.get("prefetch"):
        environ["HTTP_SEC_PURPOSE"] = "prefetch"
    return agents.identify(environ)
