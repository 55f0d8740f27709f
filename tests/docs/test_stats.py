"""docs/stats.md: its code blocks work, and its queries on both databases."""

import re
import shlex
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.db.migrations.state import ProjectState
from django.test import Client, override_settings

import ptrack
from tests.stats.site import (
    ALIAS,
    Database,
    make_id,
    make_open,
    make_request,
    on_postgresql,
)

from .blocks import Block, claim
from .site import HOST

STATS = "docs/stats.md"
NOW = datetime.now(UTC)


@pytest.fixture
def three(stats: Database) -> Any:
    """Return opens of campaign 7 by ada, twice, and of 8 by alan."""
    from ptrack.stats.models import Open

    hits = ((7, "ada", 0), (7, "ada", 1), (8, "alan", 1))
    Open.objects.bulk_create(
        make_open(
            NOW - timedelta(days=days),
            key=recipient,
            kwargs={"campaign": campaign, "recipient": recipient},
            user_agent="python-requests/2.32.3",
        )
        for campaign, recipient, days in hits
    )
    return Open


@claim(
    STATS,
    settings="INSTALLED_APPS",
    migrating="manage.py migrate",
    recording="register(RecordClick)",
)
def test_hits_of_both_kinds_are_rows_once_it_is_installed(
    settings: Block, migrating: Block, recording: Block, stats: Database
):
    """The block's settings are those of this site."""
    from ptrack.stats.models import Click, Open

    found = settings.run()
    assert set(found["INSTALLED_APPS"]) == {"ptrack", "ptrack.stats"}
    call_command(*migrating.code.split()[2:], database=ALIAS, verbosity=0)
    recording.run()
    with override_settings(PTRACK_STATS_KEY=found["PTRACK_STATS_KEY"]):
        for url in (
            ptrack.pixel_url(recipient="ada"),
            ptrack.link_url("https://shop.example/", recipient="ada"),
        ):
            Client().get(url.removeprefix(HOST))
    assert [row.key for row in (*Open.objects.all(), *Click.objects.all())] == [
        "ada",
        "ada",
    ]


# -- the commands ---------------------------------------------------------------------


@claim(STATS, rekeying="rekey_stats", clearing="--dry-run")
def test_commands_run(rekeying: Block, clearing: Block, three):
    for line in (*rekeying.code.splitlines(), *clearing.code.splitlines()):
        run_command(line)
    assert three.objects.count() == 3


@claim(STATS, block="* * * cd")
def test_line_for_cron_has_five_fields_and_a_command(block: Block, three):
    fields = block.code.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*]+", field) for field in fields[:5])
    assert fields[5].startswith("cd /srv/mysite && ")
    run_command(block.code)
    assert three.objects.count() == 3


@claim(STATS, block="ExecStart")
def test_unit_starts_a_command(block: Block, three):
    unit = block.read_ini()
    assert "Unit" in unit
    run_command(unit["Service"]["ExecStart"])
    assert three.objects.count() == 3


@claim(STATS, block="OnCalendar")
def test_timer_is_a_unit(block: Block):
    assert {"Unit", "Timer", "Install"} <= set(block.read_ini())


@pytest.mark.integration
@claim(STATS, block="OnCalendar")
def test_systemd_takes_the_time_of_the_timer(block: Block):
    when = block.read_ini()["Timer"]["OnCalendar"]
    command = ["systemd-analyze", "calendar", when]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def run_command(line: str) -> None:
    """Run a command of ``manage.py`` in this process."""
    words = shlex.split(line)
    call_command(*words[words.index("manage.py") + 1 :])


@pytest.mark.skipif(django.VERSION < (5, 1), reason="it has none of the two options")
@claim(STATS, block="journal_mode=WAL")
def test_settings_of_sqlite_are_in_force(block: Block, tmp_path, django_db_blocker):
    """A transaction that has written nothing yet keeps others from writing."""
    path = str(tmp_path / "db.sqlite3")
    entry = {**block.run()["DATABASES"]["default"], "NAME": path}
    assert entry["OPTIONS"]["timeout"] > 5
    given = {"default": {}, "docs": entry}
    connections.settings["docs"] = connections.configure_settings(given)["docs"]
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        with django_db_blocker.unblock(), transaction.atomic("docs"):
            with connections["docs"].cursor() as cursor:
                cursor.execute("PRAGMA journal_mode")
                assert cursor.fetchone() == ("wal",)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
    finally:
        other.close()
        connections["docs"].close()
        del connections["docs"], connections.settings["docs"]


# -- recording and counting -----------------------------------------------------------


@claim(STATS, block="class OpensOfCampaigns")
def test_subclass_keeps_less(block: Block, stats: Database):
    from ptrack.stats.models import Open

    callback = block.run()["OpensOfCampaigns"]()

    callback.record(make_request("Agent"), recipient="ada")
    callback.record(make_request("Agent"), "x", campaign=7, recipient="ada", sent=1)
    (row,) = Open.objects.all()
    assert row.kwargs == {"campaign": 7, "recipient": "ada"}
    assert (row.key, row.user_agent, row.args) == ("ada", "", [])


@claim(STATS, block="by_campaign =")
def test_orm_counts(block: Block, three):
    from ptrack.stats.models import Click

    Click.objects.create(
        id=make_id(), at=NOW, key="ada", kwargs={"campaign": 7}, url="https://h"
    )
    found = block.run()
    assert (found["opens"], found["unique_opens"]) == (3, 2)
    days = [(each["opens"], each["unique_opens"]) for each in found["by_day"]]
    assert days == [(2, 2), (1, 1)]
    assert [tuple(each.values()) for each in found["by_campaign"]] == [
        (7, 2, 1),
        (8, 1, 1),
    ]
    assert list(found["clicked_by"]) == [{"key": "ada"}]


@on_postgresql
@claim(STATS, block="count(DISTINCT key)")
def test_sql_counts_the_same(block: Block, stats: Database, three):
    by_day, by_campaign, _ = block.code.split(";")
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(by_day)
        assert [row[1:] for row in cursor.fetchall()] == [(2, 2), (1, 1)]
        cursor.execute(by_campaign)
        assert [row[1:] for row in cursor.fetchall()] == [(2, 1), (1, 1)]


@on_postgresql
@claim(STATS, block="CREATE INDEX")
def test_index_for_campaigns_is_made_and_used(block: Block, stats: Database, three):
    migration = block.run()["Migration"]("0001_campaign", "mysite")
    connection = connections[ALIAS]
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(ProjectState(), editor)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            plan = three.objects.filter(kwargs__campaign=7).order_by("-at").explain()
            cursor.execute("SET enable_seqscan = on")
        assert "opens_campaign" in plan
    finally:
        with connection.schema_editor(atomic=migration.atomic) as editor:
            migration.unapply(ProjectState(), editor)


@claim(STATS, block="identify({")
def test_causes_are_told_from_the_rows(block: Block, three):
    """By the user agent, and one by the ten seconds since the send."""
    assert block.run()["causes"] == {"machine": 3}
    three.objects.update(user_agent="Lotus-Notes/8.5.3")
    assert block.run()["causes"] == {"person": 3}
    row = three.objects.latest("at")
    row.kwargs["sent"] = row.at.timestamp() - 10
    row.save()
    assert block.run()["causes"] == {"person": 2, "machine": 1}


@claim(STATS, block="def forget")
def test_person_is_forgotten(block: Block, three):
    block.run()["forget"]("ada")
    assert [row.key for row in three.objects.all()] == ["alan"]
