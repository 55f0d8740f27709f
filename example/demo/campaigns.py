"""Sending a campaign: one mail for each recipient, with its own pixel and links."""

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

# Tags in a message are shown as text.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


class Sending(NamedTuple):
    """The result of sending a campaign.

    Attributes:
        campaign: The campaign; its ``recipients`` are those that it was sent to.
        failed: The addresses that it couldn't be sent to.
    """

    campaign: Campaign
    failed: list[str]


def send(subject: str, message: str, recipients: list[str]) -> Sending:
    """Send a campaign; if a mail fails, log it and send the others.

    Args:
        subject: The subject of each mail.
        message: The message, in Markdown.
        recipients: E-mail addresses.
    """
    campaign = Campaign.objects.create(subject=subject, message=message)
    failed = [each for each in recipients if not _send_mail(campaign, each)]
    campaign.recipients = [each for each in recipients if each not in failed]
    campaign.save()
    return Sending(campaign, failed)


def _send_mail(campaign: Campaign, recipient: str) -> bool:
    try:
        compose(campaign, recipient).send()
    except Exception:
        logger.exception("A mail of campaign %d could not be sent", campaign.pk)
        return False
    return True


def compose(campaign: Campaign, recipient: str) -> EmailMultiAlternatives:
    """Return the mail to one recipient: as text, and as HTML whose links are tracked.

    Args:
        campaign: The campaign, with the subject and the message.
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
            # To make one, Django would ask the network for the name of this machine.
            "Message-ID": make_msgid(domain="example.com"),
            "List-Unsubscribe": f"<{unsubscribe}>",
        },
    )
    mail.attach_alternative(
        render_to_string("demo/mail/campaign.html", context), "text/html"
    )
    # The mail is handed over at once; with a queue, its worker would compose the mail.
    return track(mail, campaign=campaign.pk, recipient=recipient, sent=time.time())
