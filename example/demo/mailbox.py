"""Reading the mails that were sent from the files of Django's file-based backend."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

# A file may hold several mails, each followed by a line of 79 dashes. A message may
# hold such a line too. The separator is the one between the end of a multipart mail and
# the first header of the next mail, or the end of the file.
_END_OF_MAIL = re.compile(rb"(?<=--\n\n)-{79}\n(?=[A-Z][\w-]*: |\Z)")
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Mail:
    """A mail as it was sent.

    Attributes:
        id: An id that only depends on the source.
        message: The mail, parsed.
        source: The mail, as text.
    """

    id: str
    message: EmailMessage
    source: str

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        # A long one begins on the next line, and keeps the blank before it.
        return str(self.message["Subject"] or "").strip()

    @property
    def sender(self) -> str:
        """The sender, with name and address."""
        return str(self.message["From"] or "")

    @property
    def recipient(self) -> str:
        """The recipient."""
        return str(self.message["To"] or "")

    @property
    def date(self) -> datetime:
        """The time when it was sent."""
        found = getattr(self.message["Date"], "datetime", None) or _LONG_AGO
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def body(self) -> tuple[str, str]:
        """The best part to show, HTML or else text, and its content type."""
        part = self.message.get_body(("html", "plain"))
        if part is None:
            return "", "text/plain"
        return part.get_content(), part.get_content_type()


def read_mails(directory: Path) -> list[Mail]:
    """Return all mails in a directory, the newest first.

    Args:
        directory: The directory that the backend writes to; it may be missing.
    """
    # A mail's date has whole seconds; within one, the files decide the order.
    paths = sorted(
        directory.glob("*.log"), key=lambda path: path.stat().st_mtime_ns, reverse=True
    )
    found = [mail for path in paths for mail in reversed(list(_read_file(path)))]
    return sorted(found, key=lambda mail: mail.date, reverse=True)


def find_mail(directory: Path, mail_id: str) -> Mail | None:
    """Return one of the mails in a directory, or ``None``.

    Args:
        directory: As for `read_mails`.
        mail_id: The id. It is compared to those of the mails, and is in no path.
    """
    return next((each for each in read_mails(directory) if each.id == mail_id), None)


def _read_file(path: Path) -> Iterator[Mail]:
    # The part after the last separator is empty, or is still being written.
    for source in _END_OF_MAIL.split(path.read_bytes())[:-1]:
        yield Mail(
            id=hashlib.sha256(source).hexdigest()[:16],
            message=message_from_bytes(source, policy=policy.default),
            source=source.decode("utf-8", "replace"),
        )
