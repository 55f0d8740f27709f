"""docs/reliability.md: its callback records each hit once."""

import os
from pathlib import Path

import pytest
from webtest import TestApp as WebTest

from ptrack.core.answers import GIF
from ptrack.wsgi import PtrackWSGIMiddleware

from .blocks import Block, claim
from .site import HOST, SECRET


@claim("docs/reliability.md", block="def database")
def test_hit_that_is_sent_again_is_recorded_once(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    names = block.run()
    app = PtrackWSGIMiddleware(None, secret=SECRET, app_url=HOST, pixels=())
    for hit in ("a", "b", "a"):
        path = app.pixel_url("newsletter", id=hit).removeprefix(HOST)
        assert WebTest(app).get(path).body == GIF
    database = names["database"](os.getpid())
    rows = database.execute("SELECT id FROM opens ORDER BY id").fetchall()
    mode = database.execute("PRAGMA journal_mode").fetchone()
    database.close()
    assert rows == [("a",), ("b",)]
    assert mode == ("wal",)
