"""The apps that the servers serve."""
