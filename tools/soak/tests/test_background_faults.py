"""Hits in the background, with real brokers and workers that fail.

None is lost but those that kombu loses with Redis: see ``losses`` of
`tools.soak.background.Fault`.
"""

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

from ptrack.background.celery import CeleryEngine
from ptrack.core.answers import GIF
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.requests import PixelRequest
from tests.processes import fetch
from tools.soak import background, books, servers
from tools.soak.background import FAULTS, FULL, MARK, QUICK, SETTINGS, TESTED, Result
from tools.soak.places import BROKER, CELERY, ENGINE, LOG, PAGE, PLACE
from tools.soak.processes import wait_until
from tools.soak.services import CeleryWorker, Redis

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Future[Any]]]:
    """Yield the results by fault. All run side by side, and mostly wait."""
    with ThreadPoolExecutor(3) as pool:
        yield {
            fault.name: pool.submit(background.run, fault, QUICK)
            for fault in FAULTS
            if fault.name in TESTED
        }


@pytest.mark.parametrize("name", TESTED)
def test_every_hit_is_recorded_once_by_its_id(results, name: str):
    """The logs of server and worker, at INFO, show nothing that it carries."""
    result = results[name].result()
    assert result.problems == []
    assert result.hits.recorded + result.allowed_losses >= result.hits.answered > 20


def find_fault(name: str) -> background.Fault:
    return next(each for each in FAULTS if each.name == name)


def test_losses_and_leaks_are_found():
    """A queue is emptied without Celery's knowledge, and a log has a token."""
    fault = find_fault("the server reloaded (HUP)")

    def empty_queue(stand):
        stand.wait_for_answers()
        stand.worker.stop()
        stand.wait_for_answers()
        with stand.redis.connect() as client:
            client.flushall()
        with (stand.place / LOG).open("a") as log:
            log.write(f"{stand.tokens[0]}\n")
        stand.worker.start()
        return "emptied"

    result = background.run(replace(fault, inject=empty_queue, pool="threads"), QUICK)
    assert result.hits.lost > 5
    assert result.problems == [
        f"{result.hits.lost} hits were lost",
        "logs show arguments of hits",
    ]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        # At each of three kills, one job is taken out of Redis and not noted. In the
        # end the worker may have to be killed too.
        ("Redis killed and started again", 4),
        ("a whole worker killed", 3),
        ("a worker's process killed", 0),
        ("a worker replaced (TERM)", 0),
        ("Redis full", 0),
        ("Redis hangs", 0),
        ("db_worker killed", 0),
    ],
)
def test_losses_are_allowed_only_where_kombu_has_them(name: str, allowed: int):
    fault = find_fault(name)
    hits = books.Behind(100, 100, allowed, 0, 0, int(fault.at_once), 0)
    result = Result(fault, FULL, "", books.Book(), hits, 1, set())
    assert result.problems == []
    lost = replace(result, hits=replace(hits, lost=allowed + 1))
    assert lost.problems == [f"{allowed + 1} hits were lost"]


def test_hits_that_a_healthy_broker_refuses_are_bounded():
    fault = find_fault("the server reloaded (HUP)")
    hits = books.Behind(100, 100, 0, 0, 0, 10, 0)
    result = Result(fault, FULL, "", books.Book(), hits, 1, set())
    assert result.problems == []
    more = replace(result, hits=replace(hits, at_once=11))
    assert more.problems == ["hits ran at once: 11"]
    unlogged = replace(result, hits=replace(hits, unlogged=1))
    assert unlogged.problems == ["the log doesn't have each hit that ran at once"]


UVICORN = "tools.soak.served.tasks.asgi:application"


def test_broker_that_hangs_does_not_block_the_event_loop(tmp_path: Path):
    """Others are answered meanwhile; then the hit is answered, and recorded at once."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        variables = {
            PLACE: str(tmp_path),
            BROKER: redis.url,
            # Long enough for all pages on a busy machine.
            CELERY: json.dumps({"broker_transport_options": {"socket_timeout": 6}}),
            ENGINE: "celery:tools.soak.served.queue.app",
            "DJANGO_SETTINGS_MODULE": SETTINGS,
        }

        def make_command(port):
            options = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
            return [sys.executable, "-m", "uvicorn", *options, UVICORN]

        with servers.Server(make_command, tmp_path, **variables) as server:
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
    """The worker doesn't know its callback; the worker's logs don't show the job."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        app = Celery("tests", broker=redis.url, set_as_current=False)
        request = PixelRequest.blank("/", {"HTTP_X_MARK": MARK})
        hit = Hit(PIXEL, request, [], {"mark": MARK})
        CeleryEngine(app).enqueue(write_job("nobody.Knows", hit))
        with redis.connect() as client:
            client.execute_command("ACL", "SETUSER", "default", "-lpush")
            variables = {PLACE: str(tmp_path), BROKER: redis.url}
            with CeleryWorker(
                "tools.soak.served.queue", tmp_path, **variables
            ) as worker:
                wait_until(
                    lambda: "ptrack.record[" in worker.read_output(), 10, "no job"
                )
                time.sleep(1)
                assert redis.count_queued() + redis.count_held() == 1
                client.execute_command("ACL", "SETUSER", "default", "+lpush")
    output = worker.read_output()
    assert "A worker got a hit for nobody.Knows" in output
    assert MARK not in output
    assert "HTTP_" not in output


def test_job_that_a_time_limit_of_the_project_ends_is_done_again(tmp_path: Path):
    """Celery kills its process, and would take the job for done."""
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        app = Celery("tests", broker=redis.url, set_as_current=False)
        hit = Hit(PIXEL, PixelRequest.blank("/"), [], {"id": 1, "once": 60})
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
        CeleryEngine(app).enqueue(write_job("tools.soak.served.behind.Ledger", hit))
        with CeleryWorker("tools.soak.served.queue", tmp_path, **variables) as worker:
            wait_until(
                lambda: "Hard time limit" in worker.read_output(), 20, "not ended"
            )
            wait_until(
                lambda: books.count_recorded(tmp_path) == 1, 20, "not done again"
            )
