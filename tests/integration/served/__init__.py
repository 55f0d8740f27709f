"""The apps that real servers serve in the tests."""
