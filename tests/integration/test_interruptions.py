"""Soft time limits of Celery, at any moment while a job is sent again."""

import time
from pathlib import Path

import pytest
from celery import Celery

from ptrack.background.celery import CeleryEngine
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.requests import PixelRequest
from tools.soak.processes import wait_until
from tools.soak.services import CeleryWorker, Redis

pytestmark = pytest.mark.once

SERVED = "tests.integration.served.interrupted"
JOBS = 250
"""As many lines on the way are interrupted, one in each job."""


def read(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_no_job_is_lost_by_an_interruption_of_its_retry(tmp_path: Path):
    with Redis(tmp_path) as redis:
        engine = CeleryEngine(Celery("tests", broker=redis.url, set_as_current=False))
        for number in range(JOBS):
            hit = Hit(PIXEL, PixelRequest.blank("/"), [number], {})
            engine.enqueue(write_job(f"{SERVED}.Failing", hit))
        variables = {"PLACE": str(tmp_path), "BROKER": redis.url}
        with CeleryWorker(SERVED, tmp_path, concurrency="2", **variables):
            wait_until(
                lambda: (
                    redis.count_queued() + redis.count_held() == 0
                    and len(list(tmp_path.glob("armed-*"))) == JOBS
                ),
                120,
                "jobs left",
            )
            # A job may be on its way from Redis to the worker.
            time.sleep(1)
            wait_until(
                lambda: redis.count_queued() + redis.count_held() == 0, 60, "jobs left"
            )
    recorded = {int(each) for each in read(tmp_path / "recorded")}
    places = dict(each.split("=") for each in read(tmp_path / "interrupted"))
    assert {n: places.get(str(n)) for n in {*range(JOBS)} - recorded} == {}
    assert {place.partition(":")[0] for place in places.values()} == {
        *("celery.py", "task.py", "trace.py", "worker.py")
    }
