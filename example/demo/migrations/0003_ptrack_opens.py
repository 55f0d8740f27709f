"""Move the opens and clicks to ptrack.stats, which keeps them from here on."""

# ruff: noqa: RUF012 - as Django writes it

import uuid
from typing import Any

from django.db import migrations


def move(apps: Any, schema_editor: Any) -> None:
    """Copy each row, with the arguments of its pixel or link in ``kwargs``."""
    for name in ("Open", "Click"):
        keep = apps.get_model("ptrack_stats", name).objects.create
        for old in apps.get_model("demo", name).objects.all():
            more = {"url": old.url} if name == "Click" else {}
            keep(
                id=uuid.uuid4(),
                at=old.at,
                kwargs=_collect_kwargs(old),
                user_agent=old.user_agent,
                key=old.recipient,
                **more,
            )


def _collect_kwargs(old: Any) -> dict[str, Any]:
    values = {
        "campaign": old.campaign_id,
        "recipient": old.recipient,
        "page": getattr(old, "page", ""),
        "prefetch": old.kind == "prefetch",
    }
    if old.seconds is not None:
        values["sent"] = old.at.timestamp() - old.seconds
    return {name: value for name, value in values.items() if value}


class Migration(migrations.Migration):
    dependencies = [("demo", "0002_clicks"), ("ptrack_stats", "0001_initial")]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.DeleteModel("Open"),
        migrations.DeleteModel("Click"),
    ]
