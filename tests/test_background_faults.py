"""Hits in the background, with real brokers and workers that fail: none is lost."""

import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ptrack.encoder import TokenBox
from ptrack.pixel import GIF
from soak import background, servers
from soak.background import FAULTS, QUICK, SETTINGS
from soak.places import BROKER, CELERY, ENGINE, PAGE, PLACE
from tests.processes import fetch
from tests.services import REMEDY, REQUIRE, Redis, has_redis

if not has_redis() and not os.environ.get(REQUIRE):
    pytest.skip(f"needs Redis: {REMEDY}", allow_module_level=True)

QUICKLY = (
    "Redis killed and started again",
    "Redis full",
    "a worker's process killed",
    "db_worker killed",
    "the tasks' database locked",
)


@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.name in QUICKLY], ids=lambda x: x.name
)
def test_every_hit_is_recorded_once_by_its_id(fault):
    """And no log of the server or of the worker, at INFO, tells what it carries."""
    result = background.run(fault, QUICK)
    assert result.problems == []
    assert result.hits.recorded >= result.hits.answered > 20


def test_books_see_what_is_lost_and_what_is_told():
    """A queue that is emptied behind Celery's back is a loss, and a log that talks."""
    fault = next(each for each in FAULTS if each.name == "the server reloaded (HUP)")

    def emptied(stand):
        stand.answers()
        stand.worker.stop()
        stand.answers()
        with stand.redis.client() as client:
            client.flushall()
        (stand.place / "log").open("a").write(f"{stand.tokens[0]}\n")
        stand.worker.start()
        return "emptied"

    result = background.run(replace(fault, inject=emptied), QUICK)
    assert result.hits.lost > 5
    assert result.problems == [
        f"{result.hits.lost} hits were lost",
        "logs tell what hits carry",
    ]


UVICORN = "soak.served.tasks.asgi:application"


def test_broker_that_hangs_does_not_block_the_event_loop(tmp_path: Path):
    """Others are answered meanwhile, and the hit too, recorded at once."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        variables = {
            PLACE: str(tmp_path),
            BROKER: redis.url,
            CELERY: json.dumps({}),
            ENGINE: "celery:soak.served.queue.app",
            "DJANGO_SETTINGS_MODULE": SETTINGS,
        }

        def command(port):
            options = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
            return [sys.executable, "-m", "uvicorn", *options, UVICORN]

        with servers.Server(command, tmp_path, **variables) as server:
            url = f"http://127.0.0.1:{server.port}"
            token = TokenBox(servers.SECRET).encrypt(id=1)
            redis.freeze()
            answers = []

            def open_mail():
                answers.append(fetch(f"{url}/ptrack/{token}/"))

            mail = threading.Thread(target=open_mail)
            mail.start()
            time.sleep(0.5)
            for _ in range(5):
                assert fetch(f"{url}/page")[2] == PAGE
            assert answers == []
            mail.join()
            redis.thaw()
            assert answers[0][2] == GIF
            assert "runs at once: " in (tmp_path / "log").read_text()
