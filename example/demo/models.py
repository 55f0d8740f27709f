"""The campaigns that were sent. `ptrack.stats` keeps their opens and clicks."""

from django.db import models
from django.utils import timezone

# The message of the sample; no campaign that was sent has it.
SAMPLE = "A sample: it was never sent."


class Campaign(models.Model):
    """A message to many recipients.

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

    @property
    def is_sample(self) -> bool:
        """Whether this is the sample, which was never sent."""
        return self.message == SAMPLE
