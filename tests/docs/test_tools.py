"""The READMEs of tools/: their commands exist. Running them would take minutes."""

from importlib.util import find_spec
from pathlib import Path

from .blocks import Block, claim


@claim(
    "tools/benchmarks/README.md",
    block="tools.benchmarks.stats --quick",
    rekey="tools.benchmarks.stats --rekey",
)
def test_measurements_are_a_module_with_these_options(block: Block, rekey: Block):
    for line in (block.code + rekey.code).splitlines():
        module, *options = line.removeprefix("python -m ").split()
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).read_text()
        assert all(f'"{option}"' in source for option in options)
