"""Reading the sent mails back, from the files of Django's file-based backend."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

# A file may hold several mails, each followed by a line of 79 dashes. The same line
# within a message is told apart by what stands around it: the end of a multipart mail
# before, and the first header of the next mail, or nothing, after.
_END_OF_MAIL = re.compile(rb"(?<=--\n\n)-{79}\n(?=[A-Z][\w-]*: |\Z)")
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Mail:
    """A mail as it was sent.

    Attributes:
        id: Stays the same as long as the mail does.
        message: The mail, parsed.
        source: The mail, as text.
    """

    id: str
    message: EmailMessage
    source: str

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        # A long one begins on a line of its own, and keeps the blank before it.
        return str(self.message["Subject"] or "").strip()

    @property
    def sender(self) -> str:
        """Whom it is from."""
        return str(self.message["From"] or "")

    @property
    def recipient(self) -> str:
        """Whom it is to."""
        return str(self.message["To"] or "")

    @property
    def date(self) -> datetime:
        """When it was sent."""
        found = getattr(self.message["Date"], "datetime", None) or _LONG_AGO
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def body(self) -> tuple[str, str]:
        """The best part to show and its content type: HTML, else text."""
        part = self.message.get_body(("html", "plain"))
        if part is None:
            return "", "text/plain"
        return part.get_content(), part.get_content_type()


def mails(directory: Path) -> list[Mail]:
    """Give all mails in a directory, newest first.

    Args:
        directory: Where the backend writes to; it need not exist yet.
    """
    # A mail's date has no more than seconds: within one, the files tell the order.
    paths = sorted(
        directory.glob("*.log"), key=lambda path: path.stat().st_mtime_ns, reverse=True
    )
    found = [mail for path in paths for mail in reversed(list(_mails(path)))]
    return sorted(found, key=lambda mail: mail.date, reverse=True)


def mail(directory: Path, mail_id: str) -> Mail | None:
    """Give one of the mails in a directory, or ``None``.

    Args:
        directory: As for `mails`.
        mail_id: Compared to the ids of the mails, and never made into a path.
    """
    return next((each for each in mails(directory) if each.id == mail_id), None)


def _mails(path: Path) -> Iterator[Mail]:
    # What follows the last separator is empty, or is being written just now.
    for source in _END_OF_MAIL.split(path.read_bytes())[:-1]:
        yield Mail(
            id=hashlib.sha256(source).hexdigest()[:16],
            message=message_from_bytes(source, policy=policy.default),
            source=source.decode("utf-8", "replace"),
        )
