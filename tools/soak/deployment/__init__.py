"""The recipes of docs/deployment.md: ``python -m tools.soak.deployment``."""
