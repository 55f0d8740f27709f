"""Load and faults on real servers: ``python -m soak``, see docs/reliability.md."""
