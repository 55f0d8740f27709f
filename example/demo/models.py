"""What was sent. What was opened of it, and clicked, is kept by `ptrack.opens`."""

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
