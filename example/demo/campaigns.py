"""Sending a campaign: a mail per recipient, each with a pixel and links of its own."""

import logging
import time
from email.utils import make_msgid
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from markdown_it import MarkdownIt

from ptrack.email import track

from .models import Campaign

logger = logging.getLogger(__name__)

# Tags in a message are shown as the text they are.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


class Sending(NamedTuple):
    """What became of a campaign.

    Attributes:
        campaign: The campaign; who got it is in its ``recipients``.
        failed: The addresses that it couldn't be sent to.
    """

    campaign: Campaign
    failed: list[str]


def send(subject: str, message: str, recipients: list[str]) -> Sending:
    """Send a campaign; a recipient that fails costs a log record, not the others.

    Args:
        subject: Of each mail.
        message: Markdown.
        recipients: E-mail addresses.
    """
    campaign = Campaign.objects.create(subject=subject, message=message)
    failed = [each for each in recipients if not _sent(campaign, each)]
    campaign.recipients = [each for each in recipients if each not in failed]
    campaign.save()
    return Sending(campaign, failed)


def _sent(campaign: Campaign, recipient: str) -> bool:
    try:
        compose(campaign, recipient).send()
    except Exception:
        logger.exception("A mail of campaign %d could not be sent", campaign.pk)
        return False
    return True


def compose(campaign: Campaign, recipient: str) -> EmailMultiAlternatives:
    """Make the mail to one recipient: as text, and as HTML whose links are tracked.

    Args:
        campaign: Its subject and message are sent.
        recipient: An e-mail address.
    """
    unsubscribe = settings.PTRACK_APP_URL + reverse("unsubscribe")
    context = {
        "campaign": campaign,
        "recipient": recipient,
        "html": _markdown.render(campaign.message),
        "unsubscribe": unsubscribe,
    }
    mail = EmailMultiAlternatives(
        subject=campaign.subject,
        body=render_to_string("demo/mail/campaign.txt", context),
        to=[recipient],
        headers={
            # Else Django asks the network for this machine's name to make one with.
            "Message-ID": make_msgid(domain="example.com"),
            "List-Unsubscribe": f"<{unsubscribe}>",
        },
    )
    mail.attach_alternative(
        render_to_string("demo/mail/campaign.html", context), "text/html"
    )
    return track(mail, campaign=campaign.pk, recipient=recipient, sent=time.time())
