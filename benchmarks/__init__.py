"""What a pixel costs, beside the peers: ``python -m benchmarks``, see README.md."""
