"""What a pixel costs, beside the peers: ``python -m tools.benchmarks``, see README.md."""
