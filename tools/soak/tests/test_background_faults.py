"""Hits in the background, with real brokers and workers that fail: none is lost."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from ptrack.background.celery import CeleryEngine, record
from ptrack.core.answers import GIF
from ptrack.core.jobs import job_of
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from tools.soak import background, books, servers
from tools.soak.background import FAULTS, MARK, QUICK, SETTINGS, TESTED
from tools.soak.places import BROKER, CELERY, ENGINE, LOG, PAGE, PLACE
from tools.soak.processes import wait_until
from tools.soak.services import CeleryWorker, Redis
from tests.processes import fetch

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Future[Any]]]:
    """All of them side by side: each mostly waits for its services."""
    with ThreadPoolExecutor(3) as pool:
        yield {
            fault.name: pool.submit(background.run, fault, QUICK)
            for fault in FAULTS
            if fault.name in TESTED
        }


@pytest.mark.parametrize("name", TESTED)
def test_every_hit_is_recorded_once_by_its_id(results, name: str):
    """And no log of the server or of the worker, at INFO, tells what it carries."""
    result = results[name].result()
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
        with (stand.place / LOG).open("a") as log:
            log.write(f"{stand.tokens[0]}\n")
        stand.worker.start()
        return "emptied"

    result = background.run(replace(fault, inject=emptied, pool="threads"), QUICK)
    assert result.hits.lost > 5
    assert result.problems == [
        f"{result.hits.lost} hits were lost",
        "logs tell what hits carry",
    ]


UVICORN = "tools.soak.served.tasks.asgi:application"


def test_broker_that_hangs_does_not_block_the_event_loop(tmp_path: Path):
    """Others are answered meanwhile, and the hit too, recorded at once."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        variables = {
            PLACE: str(tmp_path),
            BROKER: redis.url,
            # Long enough for all pages on a machine that is busy.
            CELERY: json.dumps({"broker_transport_options": {"socket_timeout": 6}}),
            ENGINE: "celery:tools.soak.served.queue.app",
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
            assert "runs at once: " in (tmp_path / LOG).read_text()


def test_job_whose_retry_the_broker_refuses_is_kept(tmp_path: Path):
    """Of a callback that the worker doesn't know; and its logs don't tell the job."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        app = Celery("tests", broker=redis.url, set_as_current=False)
        app.tasks.register(record)
        request = PixelRequest.blank("/", {"HTTP_X_MARK": MARK})
        job = job_of("nobody.Knows", request, [], {"mark": MARK})
        CeleryEngine(app).enqueue(job)
        with redis.client() as client:
            client.execute_command("ACL", "SETUSER", "default", "-lpush")
            variables = {PLACE: str(tmp_path), BROKER: redis.url}
            with CeleryWorker("tools.soak.served.queue", tmp_path, **variables) as worker:
                wait_until(lambda: "ptrack.record[" in worker.output(), 10, "no job")
                time.sleep(1)
                assert redis.queued() + redis.unfinished() == 1
                client.execute_command("ACL", "SETUSER", "default", "+lpush")
    told = worker.output()
    assert "A worker got a hit for nobody.Knows" in told
    assert MARK not in told
    assert "HTTP_" not in told


def test_what_a_time_limit_of_the_projects_ends_is_done_again(tmp_path: Path):
    """Celery would take a job for done whose process it has killed for that."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        app = Celery("tests", broker=redis.url, set_as_current=False)
        app.tasks.register(record)
        request = PixelRequest.blank("/")
        kwargs = {"id": 1, "once": 60}
        settings = {
            "task_time_limit": 1,
            "broker_transport_options": {
                "visibility_timeout": 2,
                "unacked_restore_interval": 1,
                "unacked_restore_throttle": 1,
            },
        }
        variables = {
            PLACE: str(tmp_path),
            BROKER: redis.url,
            CELERY: json.dumps(settings),
        }
        CeleryEngine(app).enqueue(
            job_of("tools.soak.served.behind.Ledger", request, [], kwargs)
        )
        with CeleryWorker("tools.soak.served.queue", tmp_path, **variables) as worker:
            wait_until(lambda: "Hard time limit" in worker.output(), 20, "not ended")
            wait_until(lambda: books.recorded(tmp_path) == 1, 20, "not done again")
