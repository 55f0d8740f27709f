"""The recipes of docs/deployment.md on loopback: ``python -m tools.soak.deployment``."""
