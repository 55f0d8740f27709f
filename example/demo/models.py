"""What was sent. What was opened of it, and clicked, is kept by `ptrack.opens`."""

from django.db import models
from django.utils import timezone

# The message of the sample, by which it is told from what was sent.
SAMPLE = "A sample: it was never sent."


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

    @property
    def is_sample(self) -> bool:
        """Whether it was never sent."""
        return self.message == SAMPLE
