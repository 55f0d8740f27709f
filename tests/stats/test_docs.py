"""docs/opens.md: every code block in it runs, on both databases where it asks one."""

import configparser
import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.state import ProjectState
from django.test import Client, override_settings

import ptrack
from ptrack import conf
from ptrack.core.hits import KEY
from tests.pages import Page, not_run, run
from tests.recording import emptied
from tests.stats.site import ALIAS, Database, hit_at, on_postgresql, open_at, request_of

PAGE = Page("docs/opens.md")
block = PAGE.block
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def clean_tracker():
    """What a block registers is gone with its test."""
    with emptied(ptrack.tracker):
        yield


@pytest.fixture
def three(opens: Database) -> Any:
    """Opens of campaign 7 by ada, twice, and of 8 by alan."""
    from ptrack.opens.models import Open

    hits = ((7, "ada", 0), (7, "ada", 1), (8, "alan", 1))
    Open.objects.bulk_create(
        open_at(
            NOW - timedelta(days=days),
            key=who,
            kwargs={"campaign": campaign, "recipient": who},
            user_agent="python-requests/2.32.3",
        )
        for campaign, who, days in hits
    )
    return Open


def test_it_is_installed_as_shown(opens: Database):
    """The settings are those of the site here, and hits of both kinds are rows."""
    from ptrack.opens.models import Click, Open

    found = run(block("INSTALLED_APPS"))
    assert set(found["INSTALLED_APPS"]) == {"ptrack", "ptrack.opens"}
    call_command(*block("manage.py migrate").split()[2:], database=ALIAS, verbosity=0)
    run(block("register(RecordClick)"))
    with override_settings(PTRACK_OPENS_KEY=found["PTRACK_OPENS_KEY"]):
        for url in (
            ptrack.pixel_url(recipient="ada"),
            ptrack.link_url("https://shop.example/", recipient="ada"),
        ):
            Client().get(url.removeprefix("https://www.example.com"))
    assert [row.key for row in (*Open.objects.all(), *Click.objects.all())] == [
        "ada",
        "ada",
    ]


def test_the_fields_are_all_told(opens_installed):
    from ptrack.opens.models import Click

    told = PAGE.text.partition("| Field |")[2].partition("\n\n")[0]
    first = re.findall(r"^\| (`.+?) \|", told, re.MULTILINE)
    names = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert names == {field.name for field in Click._meta.get_fields()}


def test_the_settings_are_all_told():
    told = PAGE.text.partition("\n## Settings\n")[2]
    names = re.findall(r"^\| `(PTRACK_OPENS_\w+)` ", told, re.MULTILINE)
    read = re.findall(r'"(PTRACK_OPENS_\w+)"', Path(conf.__file__).read_text())
    assert names == read


def test_numbers_are_the_codes(opens_installed):
    from ptrack.opens import clearing, keys, storable

    assert f"A value of {keys.LENGTH} characters or more" in PAGE.text
    assert f"its first {keys._PREFIX} and a digest" in PAGE.text
    assert f"{clearing.BATCH:,} at a time" in PAGE.text
    assert f"more than {storable.MAX_DEPTH} deep" in PAGE.text


def test_commands_run_as_shown(three):
    call_command(*block("rekey_opens").split()[2:])
    commands = block("--dry-run").splitlines()
    commands += [
        block("* * * cd").partition("python ")[2].strip(),
        re.search(r"ExecStart=.*?python (.*)", block("ExecStart"))[1],
    ]
    for line in commands:
        words = shlex.split(line)
        call_command(*words[words.index("manage.py") + 1 :])
    assert three.objects.count() == 3


def test_cron_has_five_fields_and_a_command():
    fields = block("* * * cd").split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*]+", field) for field in fields[:5])
    assert fields[5].startswith("cd /srv/mysite && ")


@pytest.mark.parametrize("part", ["ExecStart", "OnCalendar"])
def test_units_can_be_read(part: str):
    assert "Unit" in unit(block(part))


@pytest.mark.integration
def test_timer_is_one_that_systemd_takes():
    when = unit(block("OnCalendar"))["Timer"]["OnCalendar"]
    command = ["systemd-analyze", "calendar", when]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def unit(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.optionxform = str
    found.read_string(text)
    return found


def test_a_subclass_keeps_what_is_shown(opens: Database):
    from ptrack.opens.models import Open

    kept = run(block("class OpensOfCampaigns"))["OpensOfCampaigns"]()
    kept.record(request_of("Agent"), recipient="ada")
    kept.record(request_of("Agent"), "x", campaign=7, recipient="ada", sent=1)
    (row,) = Open.objects.all()
    assert row.kwargs == {"campaign": 7, "recipient": "ada"}
    assert (row.key, row.user_agent, row.args) == ("ada", "", [])


def test_counts_are_as_shown(three):
    from ptrack.opens.models import Click

    clicked = hit_at(NOW)
    Click.objects.create(
        id=clicked.id, at=clicked.at, key="ada", kwargs={"campaign": 7}, url="https://h"
    )
    found = run(block("by_campaign ="))
    assert (found["opens"], found["unique_opens"]) == (3, 2)
    days = [(each["opens"], each["unique_opens"]) for each in found["by_day"]]
    assert days == [(2, 2), (1, 1)]
    assert [tuple(each.values()) for each in found["by_campaign"]] == [
        (7, 2, 1),
        (8, 1, 1),
    ]
    assert list(found["clicked_by"]) == [{"key": "ada"}]


@on_postgresql
def test_sql_counts_the_same(opens: Database, three):
    by_day, by_campaign, _ = block("count(DISTINCT key)").split(";")
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(by_day)
        assert [row[1:] for row in cursor.fetchall()] == [(2, 2), (1, 1)]
        cursor.execute(by_campaign)
        assert [row[1:] for row in cursor.fetchall()] == [(2, 1), (1, 1)]


@on_postgresql
def test_an_index_for_campaigns_is_made_and_used(opens: Database, three):
    migration = run(block("CREATE INDEX"))["Migration"]("0001_campaign", "mysite")
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


def test_kinds_are_told_from_the_rows(three):
    assert run(block("identify({"))["kinds"] == {"bot": 3}


def test_a_person_is_forgotten_as_shown(three):
    run(block("def forget"))["forget"]("ada")
    assert [row.key for row in three.objects.all()] == ["alan"]


def test_a_hit_is_recorded_by_its_meta_alone(opens: Database):
    """What is said of workers: the hit's own id and time, wherever it is recorded."""
    from ptrack.opens.models import Open
    from ptrack.opens.recording import RecordOpen

    original = hit_at(NOW - timedelta(hours=2))
    for _ in range(2):
        RecordOpen().record(request_of(**{KEY: original}), recipient="ada")
    (row,) = Open.objects.all()
    assert (row.id, row.at) == original


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block`` in one of the tests above."""
    assert not_run(PAGE.blocks, __file__, others=["ExecStart", "OnCalendar"]) == []
