"""The form for composing a campaign."""

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.urls import reverse

MOST_RECIPIENTS = 100


class RecipientsField(forms.Field):
    """E-mail addresses, separated by line breaks, spaces, commas or semicolons."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> list[str]:
        """Return each address once, in the order of the text."""
        found = filter(None, re.split(r"[\s,;]+", value or ""))
        return list({address.casefold(): address for address in found}.values())

    def validate(self, value: list[str]) -> None:
        """Check that there are some, but not too many, and that all are addresses."""
        super().validate(value)
        if len(value) > MOST_RECIPIENTS:
            raise ValidationError(
                f"These are {len(value)} recipients; the demo sends to "
                f"{MOST_RECIPIENTS} at most."
            )
        if problems := list(_find_problems(value)):
            raise ValidationError(problems)


def _find_problems(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError:
            yield f"“{address}” is not an e-mail address."


def _write_example() -> str:
    office = settings.PTRACK_APP_URL + reverse("office")
    return (
        "Hello,\n\n"
        f"we have moved to a new office, with a door that stays open. [Have a look]"
        f"({office}), and come by for a coffee whenever you are around.\n\n"
        "What else happened in November is "
        "[on our website](https://www.example.com/news).\n\n"
        "Yours,\nthe team"
    )


class CampaignForm(forms.Form):
    """Subject, message and recipients."""

    subject = forms.CharField(
        max_length=200,
        initial="Our news in November",
        error_messages={"required": "Enter a subject."},
    )
    message = forms.CharField(
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        initial=_write_example,
        help_text="Markdown: a blank line begins a new paragraph, and "
        "[text](https://www.example.com/) is a link.",
        error_messages={"required": "Enter a message."},
    )
    recipients = RecipientsField(
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        initial="ada@example.com\ngrace@example.com\nalan@example.com",
        help_text="One per line, or separated by commas. No mail leaves this machine.",
        error_messages={"required": "Enter at least one recipient."},
    )

    def clean_subject(self) -> str:
        """Return the subject on one line: a header has no line breaks."""
        return " ".join(self.cleaned_data["subject"].split())

    def clean_message(self) -> str:
        """Return the message with plain line breaks: browsers send CRLF."""
        return "\n".join(self.cleaned_data["message"].splitlines())
