"""The tests of the soak."""
