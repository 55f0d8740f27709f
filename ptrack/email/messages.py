"""The kinds of messages that there are, as texts to replace.

A Django message is known without importing Django: whoever has one did.
"""

import copy
import re
import sys
from collections.abc import Callable, Iterable
from email.message import Message
from functools import partial
from typing import Any, NamedTuple

from . import mime

# All else that Django takes for a text is one, lazy translations too.
_NO_TEXT = (bytes, type(None))


class Part(NamedTuple):
    """A text of a message.

    Attributes:
        subtype: ``"html"``, ``"plain"`` or another.
        text: What it is.
        put: Puts another into its place.
    """

    subtype: str
    text: str
    put: Callable[[str], None]


class Mail(NamedTuple):
    """A message, opened up.

    Attributes:
        message: A copy, which the parts belong to.
        parts: Its texts, in order; attachments are none.
        unsubscribe: The targets of its ``List-Unsubscribe``.
    """

    message: Any
    parts: list[Part]
    unsubscribe: frozenset[str]


def opened(message: Any) -> Mail:
    """Find the texts of a message.

    Args:
        message: Django's or the standard library's.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(message, Message):
        return _opened_message(message)
    django = sys.modules.get("django.core.mail")
    if django is not None and isinstance(message, django.EmailMessage):
        return _opened_django(message)
    raise TypeError(
        "ptrack.email.track takes Django's EmailMessage or the standard library's "
        f"email.message.EmailMessage, not {type(message).__qualname__}; for HTML as a "
        "text there is ptrack.email.track_html"
    )


def _opened_message(message: Message) -> Mail:
    twin = mime.copied(message)
    parts = []
    for part in mime.texts(twin):
        text = mime.text_of(part)
        if text is not None:
            parts.append(
                Part(part.get_content_subtype(), text, partial(mime.put, part))
            )
    return Mail(twin, parts, _targets(message.get_all("List-Unsubscribe", [])))


def _opened_django(message: Any) -> Mail:
    twin = copy.copy(message)
    for name, value in vars(message).items():
        if type(value) in (list, dict):
            setattr(twin, name, value.copy())
    parts = []
    if not isinstance(twin.body, _NO_TEXT):
        parts.append(
            Part(twin.content_subtype, str(twin.body), partial(setattr, twin, "body"))
        )
    for index, (content, kind) in enumerate(getattr(twin, "alternatives", None) or ()):
        main, _, subtype = str(kind).partition(";")[0].strip().lower().partition("/")
        if main == "text" and not isinstance(content, _NO_TEXT):
            parts.append(Part(subtype, str(content), _alternative_putter(twin, index)))
    headers = [
        value
        for name, value in message.extra_headers.items()
        if name.lower() == "list-unsubscribe"
    ]
    return Mail(twin, parts, _targets(headers))


def _alternative_putter(message: Any, index: int) -> Callable[[str], None]:
    def put(text: str) -> None:
        _, kind = message.alternatives[index]
        # Which class an alternative is of is Django's to say, and differs.
        message.attach_alternative(text, kind)
        message.alternatives[index] = message.alternatives.pop()

    return put


def _targets(headers: Iterable[Any]) -> frozenset[str]:
    """Give the URLs of List-Unsubscribe, which may be folded (RFC 2369, section 2)."""
    urls = re.findall("<([^>]*)>", ",".join(map(str, headers)))
    return frozenset("".join(url.split()) for url in urls)
