"""docs/stats.md: its tables and numbers are the ones in the code.

Its code blocks run in ``tests/docs/test_stats.py``.
"""

import re
from datetime import UTC, datetime, timedelta

import ptrack
from ptrack import conf
from ptrack.background.worker import perform
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from tests.docs.blocks import read_text
from tests.recording import empty_tracker
from tests.stats.site import Database, make_id, make_request

TEXT = read_text("docs/stats.md")


def test_all_fields_are_in_the_table(stats_installed):
    from ptrack.stats.models import Click

    table = TEXT.partition("| Field |")[2].partition("\n\n")[0]
    first = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    names = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert names == {field.name for field in Click._meta.get_fields()}


def test_all_settings_are_in_the_table():
    section = TEXT.partition("\n## Settings\n")[2]
    names = re.findall(r"^\| `(PTRACK_STATS_\w+)` ", section, re.MULTILINE)
    assert names == [each.name for each in conf.SETTINGS if each.app == "ptrack.stats"]


def test_numbers_are_the_ones_in_the_code(stats_installed):
    from ptrack.stats import (
        clearing,
        connections,
        keys,
        pace,
        rekeying,
        storage,
        writing,
    )

    assert f"needed for {connections.IDLE:.0f}\n  seconds is closed" in TEXT
    assert f"tried again for up to {writing.PATIENCE:.0f} seconds" in TEXT
    assert f"A value of {keys.LENGTH} characters or more" in TEXT
    assert f"its first {keys.START} and a digest" in TEXT
    assert f"{clearing.BATCH:,} at a time" in TEXT
    assert f"at most {rekeying.BATCH:,} rows in a transaction" in TEXT
    assert f"about {pace.GOAL} seconds" in TEXT
    assert f"more than {storage.MAX_DIGITS} digits" in TEXT
    assert f"more than {storage.MAX_DEPTH} deep" in TEXT


def test_hit_that_workers_get_twice_is_one_row(stats: Database):
    """Their requests have nothing but ``META``; id and time are the hit's own."""
    from ptrack.stats.models import Open
    from ptrack.stats.recording import RecordOpen

    hit = ptrack.Hit(PIXEL, make_request("Agent"), (), {"recipient": "ada"})
    earlier = datetime.now(UTC) - timedelta(hours=2)
    hit.identify(make_id(earlier), earlier)
    with empty_tracker(ptrack.tracker):
        ptrack.tracker.register(RecordOpen)
        job = write_job("ptrack.stats.recording.RecordOpen", hit)
        perform(job)
        perform(job)
    (row,) = Open.objects.all()
    assert (row.id, row.at, row.user_agent) == (hit.id, hit.at, "Agent")
