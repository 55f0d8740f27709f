"""Sending a campaign: one mail per recipient, each with a pixel of its own."""

import logging
import time
from email.utils import make_msgid
from typing import NamedTuple

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from .models import Campaign

logger = logging.getLogger(__name__)


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
        message: Plain text.
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
    """Make the mail to one recipient, as text and as HTML with the pixel.

    Args:
        campaign: Its subject and message are sent.
        recipient: An e-mail address.
    """
    context = {"campaign": campaign, "recipient": recipient, "sent": time.time()}
    mail = EmailMultiAlternatives(
        subject=campaign.subject,
        body=render_to_string("demo/mail/campaign.txt", context),
        to=[recipient],
        # Else Django asks the network for this machine's name to make one with.
        headers={"Message-ID": make_msgid(domain="example.com")},
    )
    mail.attach_alternative(
        render_to_string("demo/mail/campaign.html", context), "text/html"
    )
    return mail
