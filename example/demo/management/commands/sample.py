"""``manage.py sample``: a campaign as it looks two days after the send."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandParser

from demo.models import SAMPLE, Campaign
from ptrack.stats.models import Click, Open

USER_AGENTS = {
    "gmail": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
    "(via ggpht.com GoogleImageProxy)",
    "apple": "Mozilla/5.0",
    "barracuda": "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))",
    "outlook": "Microsoft Office/16.0 (Microsoft Outlook 16.0.17328; Pro)",
    "thunderbird": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
    "Thunderbird/128.5.0",
    "yahoo": "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
}
OFFICE = "https://www.example.com/office/"
NEWS = "https://www.example.com/news/"
MINUTE, HOUR = 60, 3600


class Sample(NamedTuple):
    """An open, or a click if there is a URL.

    Attributes:
        seconds: The seconds after the send.
        recipient: The part of the address before the ``@``.
        agent: The name of one of `USER_AGENTS`.
        url: The URL of the link.
    """

    seconds: int
    recipient: str
    agent: str
    url: str = ""


HITS = (
    # While it is delivered, a company's scanner loads and follows everything.
    Sample(2, "margaret", "barracuda"),
    Sample(3, "margaret", "barracuda", OFFICE),
    Sample(3, "margaret", "barracuda", NEWS),
    Sample(4, "edsger", "barracuda"),
    Sample(5, "edsger", "barracuda", OFFICE),
    Sample(5, "edsger", "barracuda", NEWS),
    Sample(18 * MINUTE, "ada", "gmail"),
    Sample(19 * MINUTE, "ada", "firefox", OFFICE),
    # Apple loads it in the background, even if it is never read.
    Sample(25 * MINUTE, "barbara", "apple"),
    Sample(95 * MINUTE, "margaret", "outlook"),
    Sample(98 * MINUTE, "margaret", "firefox", NEWS),
    Sample(3 * HOUR, "grace", "gmail"),
    Sample(3 * HOUR + 90, "grace", "iphone", OFFICE),
    Sample(3 * HOUR + 240, "grace", "iphone", NEWS),
    Sample(5 * HOUR, "alan", "yahoo"),
    Sample(7 * HOUR, "barbara", "iphone", OFFICE),
    Sample(8 * HOUR, "ada", "gmail"),
    Sample(23 * HOUR, "edsger", "outlook"),
    Sample(24 * HOUR, "grace", "gmail"),
    Sample(26 * HOUR, "barbara", "apple"),
    Sample(33 * HOUR, "edsger", "outlook"),
    Sample(46 * HOUR, "ada", "gmail"),
)
RECIPIENTS = ["ada", "alan", "barbara", "edsger", "grace", "margaret", "niklaus"]


class Command(BaseCommand):
    """Adds a campaign to seven recipients, with its opens and clicks."""

    help = "Add a campaign as it looks two days after the send."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sent",
            type=datetime.fromisoformat,
            default=datetime.now(UTC) - timedelta(days=2),
            help="the time of the send and its zone, as in 2026-11-03T09:00+00:00",
        )

    def handle(self, *args: Any, sent: datetime, **options: Any) -> None:
        campaign = Campaign.objects.create(
            subject="Our news in November",
            message=SAMPLE,
            recipients=[_make_address(each) for each in RECIPIENTS],
            sent_at=sent,
        )
        for each in HITS:
            _add_hit(campaign, each)


def _make_address(name: str) -> str:
    return f"{name}@example.com"


def _add_hit(campaign: Campaign, sample: Sample) -> None:
    recipient = _make_address(sample.recipient)
    fields = {
        "id": uuid.uuid4(),
        "at": campaign.sent_at + timedelta(seconds=sample.seconds),
        "kwargs": {
            "campaign": campaign.pk,
            "recipient": recipient,
            "sent": campaign.sent_at.timestamp(),
        },
        "user_agent": USER_AGENTS[sample.agent],
        "key": recipient,
    }
    if sample.url:
        Click.objects.create(url=sample.url, **fields)
    else:
        Open.objects.create(**fields)
