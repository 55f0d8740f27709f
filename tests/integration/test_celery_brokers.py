"""ptrack.background.brokers: what a real Redis keeps, refuses, and doesn't answer."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from celery import Celery
from kombu import pools
from kombu.exceptions import LimitExceeded, OperationalError

from ptrack.background import brokers
from tools.soak.processes import free_port
from tools.soak.services import SOCKET, Redis

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis(tmp_path) as redis:
        yield redis


@pytest.fixture
def short(redis: Redis) -> Iterator[Path]:
    """A path that leaves enough for a socket's name."""
    with TemporaryDirectory() as name:
        found = Path(name) / "place"
        found.symlink_to(redis.place)
        yield found


def app_of(redis: Redis, url: str = "", **options) -> Celery:
    app = Celery("tests", broker=url or redis.url, set_as_current=False)
    app.conf.broker_transport_options = options
    return app


def send(app: Celery, body: str = "job") -> None:
    with brokers.producer(app) as producer:
        app.send_task("a.task", (body,), producer=producer, retry=False)


def take_and_forget(redis: Redis) -> None:
    """What is left of a worker that ends between two commands of kombu's."""
    with redis.client() as client:
        assert client.rpop("celery")


@pytest.mark.parametrize("where", ["port", "socket", "the second of two"])
def test_message_that_a_worker_took_and_did_not_note_is_given_to_another(
    redis, where: str, short: Path
):
    """However kombu finds the server, and finds out what it is."""
    if where == "socket" and tuple(map(int, version("redis").split("."))) < (4, 5, 5):
        pytest.skip("this client has no timeouts for sockets")
    url = {
        "port": redis.url,
        "socket": f"redis+socket://{short}/{SOCKET}",
        "the second of two": f"redis://127.0.0.1:{free_port()}/0;{redis.url}",
    }[where]
    send(app_of(redis, url))
    app = app_of(redis, visibility_timeout=0.1)
    take_and_forget(redis)
    assert redis.queued() == 0
    time.sleep(0.2)
    with app.connection_for_read() as connection:
        connection.default_channel.qos.restore_visible()
        with connection.SimpleQueue("celery") as queue:
            message = queue.get(timeout=5)
            assert message.payload[0] == ["job"]
            message.ack()
    assert (redis.queued(), redis.unfinished()) == (0, 0)


def test_message_of_celery_itself_would_be_gone(redis):
    """Why ptrack sends in another way."""
    app = app_of(redis)
    with app.connection_for_write() as connection:
        producer = app.amqp.Producer(connection)
        app.send_task("a.task", ("job",), producer=producer, retry=False)
    take_and_forget(redis)
    assert (redis.queued(), redis.unfinished()) == (0, 0)


def test_what_a_full_redis_refuses_is_done_by_no_worker(redis):
    app = app_of(redis)
    send(app)
    with brokers.producer(app) as producer:
        sizes = redis.queued(), redis.unfinished()
        with redis.client() as client:
            client.execute_command("ACL", "SETUSER", "default", "-lpush")
            with pytest.raises(OperationalError):
                app.send_task("a.task", ("job",), producer=producer, retry=False)
            client.execute_command("ACL", "SETUSER", "default", "+lpush")
    assert (redis.queued(), redis.unfinished()) == sizes == (1, 1)


def test_nothing_is_noted_where_workers_acknowledge_nothing(redis):
    """Nobody would remove that."""
    send(app_of(redis, ack_emulation=False))
    assert (redis.queued(), redis.unfinished()) == (1, 0)


def test_sentinels_are_asked_once(redis):
    """Where none is there, a hit is recorded at once, not after seconds."""
    app = app_of(redis, "sentinel://127.0.0.1:1", master_name="any")
    options = brokers.connection_to(app).transport_options["sentinel_kwargs"]
    assert options["socket_connect_timeout"] == brokers.PATIENCE
    attempts = []

    def ask() -> None:
        attempts.append("asked")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        options["retry"].call_with_retry(ask, lambda error: None)
    assert attempts == ["asked"]
    assert (
        brokers.connection_to(app).__eqhash__()
        == brokers.connection_to(app).__eqhash__()
    )


def test_redis_that_does_not_answer_is_waited_for_by_the_apps_own_bound(redis):
    app = app_of(redis, socket_timeout=1)
    send(app)
    redis.freeze()
    with pytest.raises(OperationalError, match="Timeout"):
        send(app)


@pytest.mark.parametrize("bounds", [{"broker_pool_acquire_timeout": 0.1}, {}])
def test_turn_to_send_is_waited_for_by_a_bound(redis, bounds, monkeypatch):
    """The app's own, where it has one; and Celery knows one from 5.7 on."""
    monkeypatch.setattr(brokers, "PATIENCE", 60 if bounds else 0.1)
    app = app_of(redis)
    app.conf.update(bounds)
    with ExitStack() as stack:
        for _ in range(pools.get_limit()):
            stack.enter_context(brokers.producer(app))
        with pytest.raises(LimitExceeded):
            brokers.producer(app)
    send(app)


def test_defaults_come_after_the_apps_own_options(redis):
    app = app_of(redis, socket_timeout=0.2)
    with brokers.producer(app) as producer:
        options = producer.connection.transport_options
    assert options["socket_timeout"] == 0.2
    assert options["socket_connect_timeout"] == brokers.PATIENCE


def test_rabbitmq_is_asked_to_say_that_it_took_a_message(redis):
    app = Celery("tests", broker="amqp://", set_as_current=False)
    found = brokers.connection_to(app)
    assert found.transport_options["confirm_publish"] is True
    assert found.transport_cls == "amqp"
