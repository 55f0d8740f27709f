"""The cost of a pixel: ``python -m tools.benchmarks``, see README.md."""
