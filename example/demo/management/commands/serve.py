"""``manage.py serve``: the demo, with a sample to look at."""

import io
import sys
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from demo import ports
from demo.models import Campaign

STARTED = """
The demo runs until Ctrl+C:

  {site}{form:10} sends a campaign of your own
  {site}{report:10} shows opens and clicks
"""


class Command(BaseCommand):
    """Prepares the demo's database, and serves the demo until Ctrl+C."""

    help = "Serve the demo, with a sample campaign if it has none yet."
    # A check of ptrack's fails if the port is bad; `handle` prints a sentence instead.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--no-sample",
            action="store_false",
            dest="sample",
            help="add no sample campaign",
        )

    def handle(self, *args: Any, sample: bool, **options: Any) -> None:
        if problem := ports.find_problem(settings.PORT):
            sys.exit(problem)
        with suppress(KeyboardInterrupt):
            call_command("migrate", verbosity=0)
            if sample and not Campaign.objects.exists():
                call_command("sample")
            self._announce()
            _run()

    def _announce(self) -> None:
        site = f"http://{ports.HOST}:{settings.PORT}"
        form, report = reverse("compose"), reverse("report")
        self.stdout.write(STARTED.format(site=site, form=form, report=report))
        self.stdout.flush()


def _run() -> None:
    # Django's own announcement would repeat ours; requests are still logged.
    call_command(
        "runserver",
        f"{ports.HOST}:{settings.PORT}",
        use_reloader=False,
        stdout=io.StringIO(),
    )
