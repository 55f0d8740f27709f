"""The report on a campaign, as values for JSON.

Hits by people, by machines and by unknown agents are counted apart: see
`hits.find_cause`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ptrack.agents import Cause
from ptrack.stats.models import Click, Open, Row

from .hits import (
    find_agent,
    find_cause,
    find_clicks,
    find_opens,
    get_recipient,
    measure_delay,
)
from .models import Campaign

Some = TypeVar("Some", bound=Row)

# Several hits on the same thing have the first of these causes that is among theirs.
_BEST_FIRST: tuple[Cause, ...] = ("person", "unknown", "machine")


def summarize(campaign: Campaign) -> dict[str, Any]:
    """Return the report on a campaign.

    Args:
        campaign: The campaign.

    Returns:
        ``total``, the numbers of all hits; ``causes``, the numbers for each cause and
        for each agent; ``links``, the links that were clicked; ``recipients``, a row
        for each; and ``timeline``, the numbers after each hit.
    """
    opens, clicks = find_opens(campaign), find_clicks(campaign)
    return {
        "total": _count([*opens, *clicks]),
        "causes": [_summarize_cause(each, opens, clicks) for each in _BEST_FIRST],
        "links": _summarize_links(clicks),
        "recipients": _summarize_recipients(campaign.recipients, opens, clicks),
        "timeline": _make_timeline(campaign, [*opens, *clicks]),
    }


def _group(hits: Iterable[Some], key: Callable[[Some], Any]) -> dict[Any, list[Some]]:
    found: dict[Any, list[Some]] = {}
    for each in hits:
        found.setdefault(key(each), []).append(each)
    return found


def _count(hits: Sequence[Row]) -> dict[str, int]:
    opens = [each for each in hits if isinstance(each, Open)]
    clicks = [each for each in hits if isinstance(each, Click)]
    return {
        "opens": len(opens),
        "opened": len(set(map(get_recipient, opens))),
        "clicks": len(clicks),
        "clicked": len(set(map(get_recipient, clicks))),
    }


# -- causes ---------------------------------------------------------------------------


def _summarize_cause(
    cause: Cause, opens: list[Open], clicks: list[Click]
) -> dict[str, Any]:
    theirs = [each for each in (*opens, *clicks) if find_cause(each) == cause]
    agents = [
        {"name": agent.name, "kind": agent.kind, **_count(hits)}
        for agent, hits in _group(theirs, find_agent).items()
    ]
    agents.sort(key=lambda each: (-each["opens"] - each["clicks"], each["name"]))
    return {"cause": cause, **_count(theirs), "agents": agents}


# -- links ----------------------------------------------------------------------------


def _get_url(click: Click) -> str:
    return str(click.url)


def _summarize_links(clicks: list[Click]) -> list[dict[str, Any]]:
    links = [_summarize_link(*each) for each in _group(clicks, _get_url).items()]
    return sorted(links, key=lambda each: (-each["person"], each["url"]))


def _summarize_link(url: str, clicks: list[Click]) -> dict[str, Any]:
    counts = Counter(map(find_cause, clicks))
    return {"url": url, **{cause: counts[cause] for cause in _BEST_FIRST}}


# -- recipients -----------------------------------------------------------------------


def _summarize_recipients(
    recipients: Iterable[str], opens: list[Open], clicks: list[Click]
) -> list[dict[str, Any]]:
    opens_by, clicks_by = _group(opens, get_recipient), _group(clicks, get_recipient)
    everyone = dict.fromkeys([*recipients, *opens_by, *clicks_by])
    return [
        _summarize_recipient(each, opens_by.get(each, []), clicks_by.get(each, []))
        for each in everyone
    ]


def _summarize_recipient(
    name: str, opens: list[Open], clicks: list[Click]
) -> dict[str, Any]:
    first = next((each for each in opens if find_cause(each) == "person"), None)
    agents = Counter(find_agent(each).name for each in opens)
    return {
        "recipient": name,
        "opens": len(opens),
        "opened_by": _choose_cause(opens),
        "agents": [{"name": name, "opens": count} for name, count in agents.items()],
        "first_open": first and first.at.isoformat(),
        "seconds_to_open": first and measure_delay(first),
        "links": [
            {"url": url, **_summarize_clicks(hits)}
            for url, hits in _group(clicks, _get_url).items()
        ],
    }


def _summarize_clicks(clicks: list[Click]) -> dict[str, Any]:
    cause = _choose_cause(clicks)
    count = sum(find_cause(each) == cause for each in clicks)
    return {"clicked_by": cause, "clicks": count}


def _choose_cause(hits: Sequence[Row]) -> Cause | None:
    found = set(map(find_cause, hits))
    return next((cause for cause in _BEST_FIRST if cause in found), None)


# -- over time ------------------------------------------------------------------------


def _make_timeline(campaign: Campaign, hits: list[Row]) -> list[dict[str, Any]]:
    numbers = {
        f"{cause}_{kind}": 0 for cause in _BEST_FIRST for kind in ("opens", "clicks")
    }
    points = []
    for each in sorted(hits, key=lambda each: each.at):
        kind = "opens" if isinstance(each, Open) else "clicks"
        numbers[f"{find_cause(each)}_{kind}"] += 1
        elapsed = (each.at - campaign.sent_at).total_seconds()
        points.append({"seconds": elapsed, **numbers})
    return points
