"""``manage.py ptrack``."""
