"""ptrack.background.celery: brokers that take jobs, refuse them, hang and come back."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from celery import Celery
from kombu.exceptions import OperationalError

from ptrack.background.celery import PATIENCE, CeleryEngine
from tools.soak.processes import HOST, reserve_port, wait_until
from tools.soak.service import Listener
from tools.soak.services import SOCKET, Redis

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

SPARE = 1.5
"""Seconds that a busy machine may take besides."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path) as redis:
        yield redis


def make_app(url: str, **options) -> Celery:
    app = Celery("tests", broker=url, set_as_current=False)
    app.conf.broker_transport_options = options
    return app


def make_engine(url: str, **options) -> CeleryEngine:
    return CeleryEngine(make_app(url, **options))


def take_job(redis: Redis) -> str:
    """Take a job as a worker does, and acknowledge it."""
    with (
        make_app(redis.url).connection_for_read() as connection,
        closing(connection.SimpleQueue("celery")) as queue,
    ):
        message = queue.get(timeout=5)
        message.ack()
        (job,) = message.payload[0]
        return job


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds + SPARE


# -- a broker that works --------------------------------------------------------------


@pytest.fixture
def short(redis: Redis) -> Iterator[Path]:
    """Yield a path that leaves enough room for the name of a socket."""
    with TemporaryDirectory() as name:
        found = Path(name) / "place"
        found.symlink_to(redis.place)
        yield found


@pytest.mark.parametrize("where", ["port", "socket", "the second of two"])
def test_job_arrives(redis, where: str, short: Path):
    if where == "socket" and tuple(map(int, version("redis").split("."))) < (4, 5, 5):
        pytest.skip("this client has no timeouts for sockets")
    url = {
        "port": redis.url,
        "socket": f"redis+socket://{short}/{SOCKET}",
        "the second of two": f"redis://{HOST}:{reserve_port()}/0;{redis.url}",
    }[where]
    make_engine(url).enqueue("a job")
    assert take_job(redis) == "a job"
    assert (redis.count_queued(), redis.count_held()) == (0, 0)


class Sentinel(Listener):
    """A sentinel that knows one server."""

    def __init__(self, redis: Redis) -> None:
        port = reserve_port()
        configuration = redis.place / "sentinel.conf"
        configuration.write_text(
            f"bind {HOST}\nport {port}\nsentinel monitor ours {HOST} {redis.port} 1\n"
        )
        command = ["redis-server", str(configuration), "--sentinel"]
        super().__init__(command, redis.place, "sentinel", port)
        self.url = f"sentinel://{HOST}:{port}"


def test_job_arrives_by_way_of_a_sentinel(redis):
    with Sentinel(redis) as sentinel:
        make_engine(sentinel.url, master_name="ours").enqueue("a job")
        assert take_job(redis) == "a job"


def test_missing_sentinel_is_given_up_soon():
    engine = make_engine(f"sentinel://{HOST}:{reserve_port()}", master_name="ours")
    with limit_time(PATIENCE), pytest.raises(OperationalError):
        engine.enqueue("a job")


# -- a broker that refuses ------------------------------------------------------------


def test_job_that_a_full_redis_refuses_is_done_by_no_worker(redis):
    engine = make_engine(redis.url)
    engine.enqueue("first")
    with redis.connect() as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(OperationalError):
            engine.enqueue("refused")
        client.config_set("maxmemory", 0)
    engine.enqueue("second")
    assert [take_job(redis), take_job(redis)] == ["first", "second"]
    assert (redis.count_queued(), redis.count_held()) == (0, 0)


# -- a broker that hangs --------------------------------------------------------------


def test_redis_that_hangs_is_given_up_after_a_bound(redis):
    """One attempt is on the old connection, and one on a new one."""
    engine = make_engine(redis.url)
    engine.enqueue("a job")
    redis.freeze()
    with limit_time(3 * PATIENCE), pytest.raises(OperationalError, match="Timeout"):
        engine.enqueue("a job")


def test_redis_that_hangs_is_given_up_after_the_bound_of_the_app(redis):
    bound = 0.2
    engine = make_engine(redis.url, socket_timeout=bound)
    engine.enqueue("a job")
    redis.freeze()
    with limit_time(3 * bound), pytest.raises(OperationalError, match="Timeout"):
        engine.enqueue("a job")


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield the port of a server that accepts connections and sends nothing."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "options"),
    [("redis://{}:{}/0", {"socket_timeout": 0.2}), ("amqp://{}:{}//", {})],
)
def test_broker_that_sends_nothing_is_given_up_after_a_bound(
    silent: int, url: str, options: dict[str, float]
):
    app = make_app(url.format(HOST, silent), **options)
    app.conf.broker_connection_timeout = 0.2
    engine = CeleryEngine(app)
    with limit_time(PATIENCE), pytest.raises(OperationalError):
        engine.enqueue("a job")


# -- a broker that comes back ---------------------------------------------------------


def test_jobs_survive_the_end_of_redis(redis):
    engine = make_engine(redis.url)
    engine.enqueue("before")
    redis.kill()
    with pytest.raises(OperationalError):
        engine.enqueue("meanwhile")
    redis.start()
    engine.enqueue("after")
    assert [take_job(redis), take_job(redis)] == ["before", "after"]


def test_connection_that_has_gone_stale_is_replaced(redis):
    """Redis has been started anew since the last hit."""
    engine = make_engine(redis.url)
    engine.enqueue("first")
    redis.kill()
    redis.start()
    engine.enqueue("second")
    assert redis.count_queued() == 2


def test_redis_that_hung_takes_jobs_again(redis):
    engine = make_engine(redis.url, socket_timeout=0.2)
    engine.enqueue("first")
    redis.freeze()
    with pytest.raises(OperationalError):
        engine.enqueue("second")
    redis.thaw()
    engine.enqueue("third")
    # It may have taken the second one all the same.
    wait_until(lambda: redis.count_queued() >= 2, 5, "not taken")


# -- a loss that kombu allows ---------------------------------------------------------


def test_job_that_a_worker_took_and_did_not_note_is_gone(redis):
    """Kombu notes in a second command that a worker has a job: docs/background.md."""
    make_engine(redis.url).enqueue("a job")
    with redis.connect() as client:
        assert client.rpop("celery")
    assert (redis.count_queued(), redis.count_held()) == (0, 0)
