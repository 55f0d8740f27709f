"""``python -m ptrack``: the commands of `ptrack.cli`."""

import argparse
import sys
from collections.abc import Sequence

from . import cli as commands
from . import conf


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The arguments of the command line; the process's own by default.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m ptrack", description="Tools of ptrack, the tracking pixel."
    )
    commands.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.command != "secret" and conf.uses_django():
        import django  # Outside Django it isn't used.

        # Loads the site's apps, whose pixels.py may assign an encoder.
        django.setup()
    try:
        print(commands.run(options, sys.stdout.encoding, _warn))
    except commands.CommandRefusedError as refusal:
        print(f"{parser.prog}: {refusal}", file=sys.stderr)
        return refusal.exit_code
    return 0


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
