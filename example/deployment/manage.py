"""The commands of the mirror: ``migrate``, ``check``, ``clear_stats``, ``ptrack``."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recording.settings")
    execute_from_command_line(sys.argv)
