"""Hits in the background, with real brokers and workers that fail: none is lost."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from ptrack.encoder import TokenBox
from soak import books, servers
from soak.books import Book
from soak.client import Client
from soak.mix import Mix
from soak.places import BROKER, CELERY, PLACE, WHO, WORKER
from soak.processes import wait_until
from tests.services import REMEDY, REQUIRE, CeleryWorker, Redis, has_redis

if not has_redis() and not os.environ.get(REQUIRE):
    pytest.skip(f"needs Redis: {REMEDY}", allow_module_level=True)

MIRROR = "soak.served.queue:application()"


def test_hits_are_recorded_by_a_worker(tmp_path: Path):
    servers.prepare(tmp_path)
    with Redis(tmp_path) as redis:
        variables = {BROKER: redis.url, CELERY: json.dumps({}), PLACE: str(tmp_path)}

        def command(port):
            return servers.gunicorn(port, MIRROR, "--worker-class", "gthread")

        with (
            CeleryWorker("soak.served.queue", tmp_path, **variables, **{WHO: WORKER}),
            servers.Server(command, tmp_path, **variables) as server,
        ):
            mix = Mix(TokenBox(servers.SECRET).encrypt, keep_alive=True, seed=1)
            book = Book()
            client = Client(mix, book, lambda: server.port, keep_alive=True)
            asyncio.run(client.load(300))
            wait_until(
                lambda: not redis.queued() and not redis.unfinished(), 10, "jobs left"
            )
            found = books.behind(book, tmp_path)
    assert found.recorded >= found.answered > 50
    assert (found.lost, found.surplus, found.doubled, found.at_once) == (0, 0, 0, 0)
