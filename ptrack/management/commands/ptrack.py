"""``manage.py ptrack``: the commands of ``python -m ptrack``, within the site."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ptrack import cli as commands


class Command(BaseCommand):
    """Runs a command of `ptrack.cli` with the site's settings."""

    help = (
        "Tools of ptrack: print a strong secret, show the content of a pixel or a link."
    )
    # "secret" has to work where there is none yet, which the checks call an error.
    requires_system_checks: list[str] = []  # noqa: RUF012 - typed so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the commands to Django's parser."""
        commands.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> str:
        """Run a command, and return the text to print."""
        namespace = Namespace(**options)
        try:
            return commands.run(namespace, self.stdout.encoding, self._warn)
        except commands.CommandRefusedError as refusal:
            raise CommandError(str(refusal), returncode=refusal.exit_code) from None

    def _warn(self, sentence: str) -> None:
        self.stderr.write(sentence, self.style.WARNING)
