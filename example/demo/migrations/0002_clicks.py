"""Add clicks and the agent of each hit, and identify the agents of existing opens."""

# ruff: noqa: RUF012 - as Django writes it

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from ptrack import agents


def identify(apps, schema_editor):
    """Identify agents by the user agent: nothing else was kept."""
    opens = apps.get_model("demo", "Open").objects
    for each in opens.all():
        agent = agents.identify({"HTTP_USER_AGENT": each.user_agent})
        opens.filter(pk=each.pk).update(
            kind=agent.kind, agent=agent.name, on_open=agent.on_open
        )


AGENT = [
    ("kind", models.CharField(default="unknown", max_length=20)),
    ("agent", models.CharField(blank=True, max_length=200)),
    ("on_open", models.BooleanField(null=True)),
]


class Migration(migrations.Migration):
    dependencies = [("demo", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(name="open", options={"ordering": ("-at", "-pk")}),
        migrations.RenameField("open", "opened_at", "at"),
        migrations.RenameField("open", "seconds_to_open", "seconds"),
        *(migrations.AddField("open", name, field) for name, field in AGENT),
        migrations.CreateModel(
            name="Click",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("recipient", models.CharField(blank=True, max_length=254)),
                (
                    "at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now
                    ),
                ),
                ("seconds", models.FloatField(null=True)),
                ("user_agent", models.TextField(blank=True)),
                *AGENT,
                ("url", models.TextField()),
                (
                    "campaign",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(class)ss",
                        to="demo.campaign",
                    ),
                ),
            ],
            options={"ordering": ("-at", "-pk"), "abstract": False},
        ),
        migrations.AlterField(
            "open",
            "campaign",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="demo.campaign",
            ),
        ),
        migrations.RunPython(identify, migrations.RunPython.noop),
    ]
