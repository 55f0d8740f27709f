"""An optional Django app that counts: a row for each hit, and reports in the admin."""
