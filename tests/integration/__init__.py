"""Tests with other programs, servers on ports, load and time: ``make test-all``."""
