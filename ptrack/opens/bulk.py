"""Writing rows."""

from django.db import router

from .models import Hit


def write(row: Hit) -> None:
    """Write a row."""
    model = type(row)
    using = router.db_for_write(model)
    model._default_manager.using(using).bulk_create([row], ignore_conflicts=True)
