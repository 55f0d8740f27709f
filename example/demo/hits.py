"""The opens and clicks of a campaign, and the facts that a report takes from each."""

from typing import Any, TypeVar

from ptrack import agents
from ptrack.stats.models import Click, Open, Row

from .models import Campaign

Some = TypeVar("Some", bound=Row)


def find_opens(campaign: Campaign) -> list[Open]:
    """Return the opens of a campaign in the order of their times."""
    return _find_rows(Open, campaign)


def find_clicks(campaign: Campaign) -> list[Click]:
    """Return the clicks of a campaign in the order of their times."""
    return _find_rows(Click, campaign)


def _find_rows(model: type[Some], campaign: Campaign) -> list[Some]:
    rows = model.objects.filter(kwargs__campaign=campaign.pk)
    return list(rows.order_by("at", "id"))


def get_recipient(row: Row) -> str:
    """Return the recipient of the mail; an empty text if it isn't known."""
    return str(row.kwargs.get("recipient") or "")


def measure_delay(row: Row) -> float | None:
    """Return the seconds since the send; ``None`` if its time isn't known."""
    sent: Any = row.kwargs.get("sent")
    if not isinstance(sent, int | float):
        return None
    return max(0.0, row.at.timestamp() - sent)


def find_agent(row: Row) -> agents.Agent:
    """Return the agent that sent the request."""
    environ = {"HTTP_USER_AGENT": row.user_agent}
    if row.kwargs.get("prefetch"):
        environ["HTTP_SEC_PURPOSE"] = "prefetch"
    return agents.identify(environ)


def find_cause(row: Row) -> agents.Cause:
    """Return the cause of a hit: see `ptrack.agents.Agent`."""
    return find_agent(row).cause
