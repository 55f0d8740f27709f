"""What was sent, what was opened of it, and where it was clicked."""

from django.db import models
from django.utils import timezone


class Campaign(models.Model):
    """A message to many.

    Attributes:
        recipients: The addresses that it was sent to.
    """

    subject = models.CharField(max_length=200)
    message = models.TextField()
    recipients = models.JSONField(default=list)
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-sent_at", "-pk")

    def __str__(self) -> str:
        return self.subject


class Who(models.TextChoices):
    """Who a hit is put down to."""

    PERSON = "person"
    MACHINE = "machine"
    UNKNOWN = "unknown"


class Hit(models.Model):
    """One request for what a mail or a page carries.

    Attributes:
        campaign: Whose mail it was from, if that campaign is still there.
        at: When it came.
        seconds: How long after the mail was sent.
        kind: Of the agent, as in ``ptrack.agents.Agent``.
        agent: Its name.
        on_open: Whether it fetches because somebody opened the mail; ``None`` if that
            can't be told.
    """

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, null=True, related_name="%(class)ss"
    )
    recipient = models.CharField(max_length=254, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    seconds = models.FloatField(null=True)
    user_agent = models.TextField(blank=True)
    kind = models.CharField(max_length=20, default="unknown")
    agent = models.CharField(max_length=200, blank=True)
    on_open = models.BooleanField(null=True)

    class Meta:
        abstract = True
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.recipient or 'someone'} at {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def who(self) -> Who:
        """Whom it is put down to.

        A mail provider's proxy that fetches when its reader opens the mail stands for a
        person; one that fetches whether or not somebody reads is a machine.
        """
        if self.on_open is None:
            return Who.UNKNOWN
        return Who.PERSON if self.on_open else Who.MACHINE


class Open(Hit):
    """One loading of a pixel.

    Attributes:
        page: Which page it was on, if it wasn't in a mail.
    """

    page = models.CharField(max_length=50, blank=True)


class Click(Hit):
    """One following of a link.

    Attributes:
        url: Where it led.
    """

    url = models.TextField()
