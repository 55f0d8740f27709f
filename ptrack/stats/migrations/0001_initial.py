"""The tables of opens and clicks."""

# ruff: noqa: RUF012 - as Django writes it

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the tables, with their indexes."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Click",
            fields=[
                (
                    "id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField()),
                ("args", models.JSONField(blank=True, default=list)),
                ("kwargs", models.JSONField(blank=True, default=dict)),
                ("user_agent", models.TextField(blank=True)),
                (
                    "ip",
                    models.GenericIPAddressField(
                        blank=True, null=True, verbose_name="IP address"
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=200, null=True)),
                ("url", models.TextField(verbose_name="URL")),
            ],
            options={
                "ordering": ["-at", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["at", "key"], name="ptrack_stats_click_at"),
                    models.Index(
                        condition=models.Q(("key__isnull", False)),
                        fields=["key", "at"],
                        name="ptrack_stats_click_key",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Open",
            fields=[
                (
                    "id",
                    models.UUIDField(editable=False, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField()),
                ("args", models.JSONField(blank=True, default=list)),
                ("kwargs", models.JSONField(blank=True, default=dict)),
                ("user_agent", models.TextField(blank=True)),
                (
                    "ip",
                    models.GenericIPAddressField(
                        blank=True, null=True, verbose_name="IP address"
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=200, null=True)),
            ],
            options={
                "ordering": ["-at", "-id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["at", "key"], name="ptrack_stats_open_at"),
                    models.Index(
                        condition=models.Q(("key__isnull", False)),
                        fields=["key", "at"],
                        name="ptrack_stats_open_key",
                    ),
                ],
            },
        ),
    ]
