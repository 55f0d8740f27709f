"""What became of a campaign, ready to be sent as JSON.

People, machines and what may be either are counted apart; see `hits.Hit.who`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from .hits import Click, Hit, Open, Who, clicks_of, opens_of
from .models import Campaign

Some = TypeVar("Some", bound=Hit)

# Of several, the first of these that is among them tells who it was.
_BEST_FIRST = (Who.PERSON, Who.UNKNOWN, Who.MACHINE)


def report(campaign: Campaign) -> dict[str, Any]:
    """Summarize a campaign.

    Args:
        campaign: The campaign.

    Returns:
        ``total``, the numbers of all; ``who``, those of people, of what is unknown and
        of machines, and of the agents among them; ``links``, those that were clicked;
        ``recipients``, a row for each; and ``timeline``, the numbers after each hit.
    """
    opens, clicks = opens_of(campaign), clicks_of(campaign)
    return {
        "total": _numbers([*opens, *clicks]),
        "who": [_group(who, opens, clicks) for who in _BEST_FIRST],
        "links": _links(clicks),
        "recipients": _recipients(campaign.recipients, opens, clicks),
        "timeline": _timeline(campaign, [*opens, *clicks]),
    }


def _by(hits: Iterable[Some], key: Callable[[Some], Any]) -> dict[Any, list[Some]]:
    found: dict[Any, list[Some]] = {}
    for each in hits:
        found.setdefault(key(each), []).append(each)
    return found


def _numbers(hits: Sequence[Hit]) -> dict[str, int]:
    opens = [each for each in hits if isinstance(each, Open)]
    clicks = [each for each in hits if isinstance(each, Click)]
    return {
        "opens": len(opens),
        "opened": len({each.recipient for each in opens}),
        "clicks": len(clicks),
        "clicked": len({each.recipient for each in clicks}),
    }


# -- who it was -----------------------------------------------------------------------


def _group(who: Who, opens: list[Open], clicks: list[Click]) -> dict[str, Any]:
    theirs = [each for each in (*opens, *clicks) if each.who is who]
    agents = [
        {"name": name, "kind": kind, **_numbers(hits)}
        for (name, kind), hits in _by(theirs, _agent).items()
    ]
    agents.sort(key=lambda each: (-each["opens"] - each["clicks"], each["name"]))
    return {"who": who, **_numbers(theirs), "agents": agents}


def _agent(hit: Hit) -> tuple[str, str]:
    return hit.agent.name, hit.agent.kind


# -- links ----------------------------------------------------------------------------


def _links(clicks: list[Click]) -> list[dict[str, Any]]:
    links = [_link(url, hits) for url, hits in _by(clicks, lambda x: x.url).items()]
    return sorted(links, key=lambda each: (-each["person"], each["url"]))


def _link(url: str, hits: list[Click]) -> dict[str, Any]:
    counts = Counter(each.who for each in hits)
    return {"url": url, **{who: counts[who] for who in Who}}


# -- recipients -----------------------------------------------------------------------


def _recipients(
    recipients: Iterable[str], opens: list[Open], clicks: list[Click]
) -> list[dict[str, Any]]:
    opens_of, clicks_of = (_by(hits, lambda x: x.recipient) for hits in (opens, clicks))
    everyone = dict.fromkeys([*recipients, *opens_of, *clicks_of])
    return [
        _recipient(each, opens_of.get(each, []), clicks_of.get(each, []))
        for each in everyone
    ]


def _recipient(name: str, opens: list[Open], clicks: list[Click]) -> dict[str, Any]:
    first = next((each for each in opens if each.who is Who.PERSON), None)
    agents = Counter(_agent(each)[0] for each in opens)
    return {
        "recipient": name,
        "opens": len(opens),
        "opened_by": _best(opens),
        "agents": [{"name": name, "opens": count} for name, count in agents.items()],
        "first_open": first and first.at.isoformat(),
        "seconds_to_open": first and first.seconds,
        "links": [
            {"url": url, **_clicked_by(hits)}
            for url, hits in _by(clicks, lambda x: x.url).items()
        ],
    }


def _clicked_by(hits: list[Click]) -> dict[str, Any]:
    best = _best(hits)
    return {"clicked_by": best, "clicks": sum(each.who is best for each in hits)}


def _best(hits: Sequence[Hit]) -> Who | None:
    found = {each.who for each in hits}
    return next((who for who in _BEST_FIRST if who in found), None)


# -- over time ------------------------------------------------------------------------


def _timeline(campaign: Campaign, hits: list[Hit]) -> list[dict[str, Any]]:
    numbers = {f"{who}_{what}": 0 for who in Who for what in ("opens", "clicks")}
    points = []
    for each in sorted(hits, key=lambda each: each.at):
        what = "opens" if isinstance(each, Open) else "clicks"
        numbers[f"{each.who}_{what}"] += 1
        elapsed = (each.at - campaign.sent_at).total_seconds()
        points.append({"seconds": elapsed, **numbers})
    return points
