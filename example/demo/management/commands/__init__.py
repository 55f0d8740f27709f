"""``manage.py sample`` and ``manage.py serve``."""
