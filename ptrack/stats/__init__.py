"""Counts without writing them: an optional Django app with a row for each hit."""
