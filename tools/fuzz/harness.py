"""``python -m tools.fuzz.harness decryption [options] [inputs]``: one, under atheris.

Options are libFuzzer's (https://llvm.org/docs/LibFuzzer.html#options). Inputs are
directories to start from, new finds going to the first, or files to run once.
"""

import importlib
import os
import sys
from contextlib import ExitStack

import atheris

from tools.fuzz import HARNESSES


def main() -> None:
    """Run the harness that the first argument names, until libFuzzer ends it."""
    name, *options = sys.argv[1:] or [""]
    if name not in HARNESSES:
        raise SystemExit(f"name a harness: {' or '.join(HARNESSES)}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    # Only code that is imported here is instrumented, and of that only ptrack.
    with atheris.instrument_imports(include=["ptrack"]):
        import django

        django.setup()
        harness = importlib.import_module(f"tools.fuzz.{name}")

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        def plain(part: bytes) -> bytes:
            return bytes(atheris.Mutate(part, max_size))

        return bytes(harness.mutate(data, seed, plain)[:max_size])

    with ExitStack() as stack:
        check = stack.enter_context(harness.prepare())
        atheris.Setup([sys.argv[0], *options], check, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
