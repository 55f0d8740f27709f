"""What the tests have real servers serve."""
