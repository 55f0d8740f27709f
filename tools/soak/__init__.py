"""Load and faults on real servers: ``python -m tools.soak``, see docs/reliability.md."""
