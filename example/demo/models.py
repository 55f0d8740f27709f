"""What was sent, and what was opened."""

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


class Open(models.Model):
    """One loading of a pixel.

    Attributes:
        campaign: Whose mail it was in, if that campaign is still there.
        page: Which page it was on, if it wasn't in a mail.
        seconds_to_open: How long after its sending the mail was opened.
    """

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, null=True, related_name="opens"
    )
    recipient = models.CharField(max_length=254, blank=True)
    page = models.CharField(max_length=50, blank=True)
    user_agent = models.TextField(blank=True)
    opened_at = models.DateTimeField(default=timezone.now, db_index=True)
    seconds_to_open = models.FloatField(null=True)

    class Meta:
        ordering = ("-opened_at", "-pk")

    def __str__(self) -> str:
        return f"{self.recipient or self.page} at {self.opened_at:%Y-%m-%d %H:%M:%S}"
