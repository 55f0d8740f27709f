"""What the opens of a campaign amount to, ready to be sent as JSON."""

from collections.abc import Iterable
from typing import Any

from .models import Campaign, Open


def report(campaign: Campaign) -> dict[str, Any]:
    """Summarize a campaign.

    Args:
        campaign: The campaign.

    Returns:
        ``recipients``, a row for each; and ``timeline``, how many opens and how many
        unique ones there were after each open.
    """
    opens = list(campaign.opens.order_by("opened_at", "pk"))
    return {
        "recipients": _rows(campaign.recipients, opens),
        "timeline": _timeline(campaign, opens),
    }


def _rows(recipients: Iterable[str], opens: Iterable[Open]) -> list[dict[str, Any]]:
    found: dict[str, list[Open]] = {recipient: [] for recipient in recipients}
    for each in opens:
        found.setdefault(each.recipient, []).append(each)
    return [_row(recipient, theirs) for recipient, theirs in found.items()]


def _row(recipient: str, opens: list[Open]) -> dict[str, Any]:
    first = opens[0] if opens else None
    return {
        "recipient": recipient,
        "opens": len(opens),
        "first_open": first and first.opened_at.isoformat(),
        "seconds_to_open": first and first.seconds_to_open,
    }


def _timeline(campaign: Campaign, opens: Iterable[Open]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    points = []
    for number, each in enumerate(opens, 1):
        seen.add(each.recipient)
        elapsed = (each.opened_at - campaign.sent_at).total_seconds()
        points.append({"seconds": elapsed, "opens": number, "unique": len(seen)})
    return points
