"""Messages of Django and of the standard library, as texts to replace.

A Django message is recognised without importing Django: a program with such a message
has imported Django.
"""

import copy
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from email.message import Message
from functools import partial
from typing import Any, NamedTuple

from ptrack import conf
from ptrack.core.logs import log

from .mime import (
    TextPart,
    copy_message,
    find_text_parts,
    has_short_headers,
    is_attachment,
)


class Part(NamedTuple):
    """A text of a message.

    Attributes:
        subtype: ``"html"``, ``"plain"`` or another.
        text: The text.
        put: Puts another text into its place.
        joined: Lines with a space at the end are joined without it.
        charset: The charset that Django will send it in; empty if ``put`` encodes it.
    """

    subtype: str
    text: str
    put: Callable[[str], None]
    joined: bool = False
    charset: str = ""

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


def open_message(message: Any, *subtypes: str) -> Mail:
    """Copy a message, and find its texts.

    Args:
        message: A message of Django or of the standard library.
        subtypes: The kinds of text to find, ``"html"`` for example; by default all. A
            warning is logged if such a text can't be read, once for the message.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(message, Message):
        return _open_standard(message, subtypes)
    django = sys.modules.get("django.core.mail")
    if django is not None and isinstance(message, django.EmailMessage):
        return _open_django(message, subtypes)
    raise TypeError(
        "ptrack.email.track takes Django's EmailMessage or the standard library's "
        f"email.message.EmailMessage, not {type(message).__qualname__}; for HTML as a "
        "text there is ptrack.email.track_html"
    )


def _open_standard(message: Message, subtypes: Collection[str]) -> Mail:
    twin = copy_message(message)
    if not has_short_headers(message, "list-unsubscribe"):
        return Mail(twin, [], frozenset())
    found = map(TextPart, find_text_parts(twin, is_shown=twin.is_multipart()))
    targets = _find_targets(message.get_all("List-Unsubscribe", []))
    return Mail(twin, _read_parts(found, subtypes), targets)


def _read_parts(
    found: Iterable[Part | TextPart], subtypes: Collection[str]
) -> list[Part]:
    """Return the texts that are wanted; log a warning if one can't be read."""
    parts: list[Part] = []
    left = None
    for part in found:
        if subtypes and part.subtype not in subtypes:
            continue
        if isinstance(part, Part):
            parts.append(part)
        elif (text := part.read()) is not None:
            parts.append(Part(part.subtype, text, part.replace, part.joined))
        else:
            left = left or part
    if left is not None:
        _warn_about(left)
    return parts


def _warn_about(part: TextPart) -> None:
    if part.is_decoded:
        log(
            logging.WARNING,
            "A mail has a text in %s that can't be written back alike. It goes out "
            "untracked: use UTF-8",
            part.codec,
        )
    else:
        log(
            logging.WARNING,
            "A mail has a text whose Content-Transfer-Encoding isn't known, or isn't "
            "that of its content. It goes out untracked: use base64",
        )


# -- Django ---------------------------------------------------------------------------


def _open_django(message: Any, subtypes: Collection[str]) -> Mail:
    twin = copy.copy(message)
    for name, value in vars(message).items():
        if name in ("alternatives", "attachments"):
            # Django takes any collection; this one is to be changed.
            setattr(twin, name, list(value or ()))
        elif type(value) in (list, dict):
            setattr(twin, name, value.copy())
    headers = [
        value
        for name, value in message.extra_headers.items()
        if name.lower() == "list-unsubscribe"
    ]
    charset = _read_charset(message)
    found = (
        each._replace(charset=charset) if isinstance(each, Part) else each
        for each in _find_django_parts(twin)
    )
    return Mail(twin, _read_parts(found, subtypes), _find_targets(headers))


def _read_charset(message: Any) -> str:
    """Return the charset that Django will send texts in."""
    encoding = message.encoding or conf.get_django("DEFAULT_CHARSET")
    # It may be an `email.charset.Charset`.
    return str(getattr(encoding, "output_charset", encoding))


def _find_django_parts(message: Any) -> Iterator[Part | TextPart]:
    """Yield the texts that are those of ``message.message()``, in its order."""
    alternatives = list(getattr(message, "alternatives", None) or ())
    attachments = list(message.attachments or ())
    # Django leaves out an empty body where there is anything else.
    has_body = bool(message.body or not (alternatives or attachments))
    if has_body:
        kind = f"text/{message.content_subtype}"
        yield from _make_part(message.body, kind, partial(setattr, message, "body"))
    # Before version 6; of a "related" mail, the first part is the root.
    has_root = getattr(message, "alternative_subtype", "") == "related"
    shown = alternatives[: not has_body] if has_root else alternatives
    for index, alternative in enumerate(shown):
        match alternative:
            case (content, kind):
                put = partial(_replace_alternative, message, index)
                yield from _make_part(content, kind, put, is_shown=has_root)
    is_related = getattr(message, "mixed_subtype", "") == "related"
    if is_related:
        attachments = attachments[: not (has_body or alternatives)]
    # Until version 6, a text without a file name isn't marked as an attachment.
    is_unmarked = hasattr(message, "mixed_subtype")
    for index, attachment in enumerate(attachments):
        match attachment:
            case Message():
                # Django puts it into the mail as it is.
                twin = message.attachments[index] = copy_message(attachment)
                yield from map(TextPart, find_text_parts(twin, is_shown=is_related))
            case (name, content, kind) if is_related or (is_unmarked and not name):
                put = partial(_replace_attachment, message, index)
                yield from _make_part(content, kind, put, is_shown=is_related)


def _make_part(
    content: Any, kind: Any, put: Callable[[str], None], *, is_shown: bool = False
) -> Iterator[Part]:
    """Yield the text that Django makes a part of, if it is text."""
    head = Message()
    head["Content-Type"] = str(kind)
    # Python takes a kind without a slash for text, and Django can't send it.
    is_sendable = content is not None and "/" in str(kind)
    if not is_sendable or head.get_content_maintype() != "text":
        return
    if not has_short_headers(head, "content-type"):
        return
    if is_shown or not is_attachment(head):
        # All but bytes is text for Django, lazy translations too.
        with suppress(UnicodeError):
            text = content.decode() if isinstance(content, bytes) else str(content)
            yield Part(head.get_content_subtype(), text, put)


def _replace_alternative(message: Any, index: int, text: str) -> None:
    _, kind = message.alternatives[index]
    # Let Django make it: the class of an alternative differs between its versions.
    message.attach_alternative(text, kind)
    message.alternatives[index] = message.alternatives.pop()


def _replace_attachment(message: Any, index: int, text: str) -> None:
    filename, _, kind = message.attachments[index]
    message.attach(filename, text, kind)
    message.attachments[index] = message.attachments.pop()


def _find_targets(headers: Iterable[Any]) -> frozenset[str]:
    """Return the URLs in headers, which may be folded (RFC 2369, section 2)."""
    urls = re.findall("<([^<>]*)>", ",".join(map(str, headers)))
    return frozenset("".join(url.split()) for url in urls)
