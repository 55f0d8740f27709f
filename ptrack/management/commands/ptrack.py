"""``manage.py ptrack``: the commands of ``python -m ptrack``, within the site."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ptrack import cli as commands


class Command(BaseCommand):
    """Passes the commands on: see `ptrack.cli`."""

    help = (
        "Tools of ptrack: print a strong secret, show what a pixel or a link carries."
    )
    # Whoever looks for a secret hasn't one yet, which is an error to the checks.
    requires_system_checks: list[str] = []  # noqa: RUF012 - typed so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        """Tell Django's parser the commands."""
        commands.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> str:
        """Run one, and give what to print."""
        namespace = Namespace(**options)
        try:
            return commands.run(namespace, self.stdout.encoding)
        except commands.CommandRefusedError as refusal:
            raise CommandError(str(refusal), returncode=refusal.exit_code) from None
