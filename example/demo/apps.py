"""The demo as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DemoConfig(AppConfig):
    """The only app of the project; ptrack finds its ``pixels.py``."""

    name = "demo"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(make_viewer, sender=self)


def make_viewer(**kwargs: Any) -> None:
    """Create a user who may look at opens and clicks in the admin, and at nothing else.

    The name and the password are "demo". Like all secrets of the demo, everyone knows
    them.
    """
    from django.contrib.auth.models import Permission, User
    from django.db import connection

    # After only some of the migrations there is no table of users yet.
    if User._meta.db_table not in connection.introspection.table_names():
        return
    user, is_new = User.objects.get_or_create(username="demo", is_staff=True)
    if is_new:
        user.set_password("demo")
        user.save()
    permissions = Permission.objects.filter(
        content_type__app_label="ptrack_stats", codename__startswith="view_"
    )
    user.user_permissions.set(permissions)
