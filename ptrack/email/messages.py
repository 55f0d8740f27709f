"""Messages of Django and of the standard library, as texts to replace.

A Django message is recognised without importing Django: a program with such a message
has imported Django.
"""

import copy
import re
import sys
from collections.abc import Callable, Iterable
from email.message import Message
from functools import partial
from typing import Any, NamedTuple

from .mime import TextPart, copy_message, find_text_parts, has_short_headers

# Django takes everything else for text, lazy translations too.
_NO_TEXT = (bytes, type(None))


class Part(NamedTuple):
    """A text of a message.

    Attributes:
        subtype: ``"html"``, ``"plain"`` or another.
        text: The text.
        put: Puts another text into its place.
        joined: Lines with a space at the end are joined without it.
    """

    subtype: str
    text: str
    put: Callable[[str], None]
    joined: bool = False

    def replace(self, text: str) -> None:
        """Put another text into its place; the same one keeps its encoded form."""
        if text != self.text:
            self.put(text)


class Mail(NamedTuple):
    """A message whose texts can be replaced.

    Attributes:
        message: A copy of the message; the parts belong to it.
        parts: Its texts, in order, without attachments.
        unsubscribe: The targets of its ``List-Unsubscribe``.
    """

    message: Any
    parts: list[Part]
    unsubscribe: frozenset[str]


def open_message(message: Any) -> Mail:
    """Copy a message, and find its texts.

    Args:
        message: A message of Django or of the standard library.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(message, Message):
        return _open_standard(message)
    django = sys.modules.get("django.core.mail")
    if django is not None and isinstance(message, django.EmailMessage):
        return _open_django(message)
    raise TypeError(
        "ptrack.email.track takes Django's EmailMessage or the standard library's "
        f"email.message.EmailMessage, not {type(message).__qualname__}; for HTML as a "
        "text there is ptrack.email.track_html"
    )


def _open_standard(message: Message) -> Mail:
    twin = copy_message(message)
    if not has_short_headers(message, "list-unsubscribe"):
        return Mail(twin, [], frozenset())
    parts = []
    for part in map(TextPart, find_text_parts(twin)):
        text = part.read()
        if text is not None:
            parts.append(Part(part.subtype, text, part.replace, part.joined))
    return Mail(twin, parts, _find_targets(message.get_all("List-Unsubscribe", [])))


def _open_django(message: Any) -> Mail:
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
            put = partial(_replace_alternative, twin, index)
            parts.append(Part(subtype, str(content), put))
    headers = [
        value
        for name, value in message.extra_headers.items()
        if name.lower() == "list-unsubscribe"
    ]
    return Mail(twin, parts, _find_targets(headers))


def _replace_alternative(message: Any, index: int, text: str) -> None:
    _, kind = message.alternatives[index]
    # Let Django make it: the class of an alternative differs between its versions.
    message.attach_alternative(text, kind)
    message.alternatives[index] = message.alternatives.pop()


def _find_targets(headers: Iterable[Any]) -> frozenset[str]:
    """Return the URLs in headers, which may be folded (RFC 2369, section 2)."""
    urls = re.findall("<([^<>]*)>", ",".join(map(str, headers)))
    return frozenset("".join(url.split()) for url in urls)
