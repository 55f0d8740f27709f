"""A Django site whose callbacks run in the background."""
