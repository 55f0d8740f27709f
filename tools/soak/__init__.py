"""Load and faults on real servers (docs/reliability.md): ``python -m tools.soak``."""
