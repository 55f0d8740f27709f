"""Sending to Celery's brokers so that nothing gets lost, and nobody waits for long."""

from contextlib import AbstractContextManager
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

from kombu import Connection, pools
from kombu.connection import ConnectionPool
from kombu.utils.collections import HashedSeq
from kombu.utils.json import dumps

if TYPE_CHECKING:
    from celery import Celery

PATIENCE = 2
"""Seconds that a broker may take to answer; by default Redis has any time."""

# https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.redis.html
# and https://docs.celeryq.dev/projects/kombu/en/stable/reference/
# kombu.transport.pyamqp.html: RabbitMQ says only if asked to that it took a message.
_BOUNDS = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
_OPTIONS: dict[str, dict[str, Any]] = {
    "redis": _BOUNDS,
    "amqp": {"confirm_publish": True, "read_timeout": PATIENCE},
}


# Once: the pool of a connection is found by what its options look like.
@cache
def _options(driver: str) -> dict[str, Any]:
    options = _OPTIONS.get(driver, {})
    if driver != "redis":
        return options
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # What is asked where the server is; it would be asked again for seconds.
    once = {**_BOUNDS, "retry": Retry(NoBackoff(), 0)}
    return {**options, "sentinel_kwargs": once}


def producer(app: "Celery", connection: Any = None) -> AbstractContextManager[Any]:
    """Give what sends to the broker of an app, from a pool of its own.

    The worker's connections to it, which wait for messages, are others.

    Args:
        app: The app.
        connection: What `connection_to` gave for it, which takes a while to make.

    Raises:
        kombu.exceptions.LimitExceeded: As many as kombu allows are at it, and were
            for as long as the app waits, or else `PATIENCE`.
    """
    pool = pools.producers[connection or connection_to(app)]
    # Celery knows the setting from 5.7 on, and sets none by default.
    timeout = getattr(app.conf, "broker_pool_acquire_timeout", None)
    return pool.acquire(  # type: ignore[no-any-return]
        block=True, timeout=PATIENCE if timeout is None else timeout
    )


def connection_to(app: "Celery") -> Any:
    """Say how the broker of an app is to be reached; nothing is connected yet.

    Args:
        app: Its ``broker_transport_options`` come before ours.

    Raises:
        Exception: What speaks to that broker isn't installed.
    """
    made: Any = app.connection_for_write()
    kind: Any = made.get_transport_cls()
    made.transport_options = {
        **_options(kind.driver_type),
        **made.transport_options,
    }
    if kind.driver_type == "redis":
        _keep(made)
    return made


class _Keeping(Connection):
    """A connection of kombu's to Redis, by a transport that loses nothing on the way.

    It is asked for its transport each time, because kombu finds that anew by the URL:
    for a copy in a pool (of ``redis+socket://``), and for another server.
    """

    def get_transport_cls(self) -> Any:
        kind: Any = super().get_transport_cls()
        return _kept(kind)

    def Pool(self, limit: int | None = None, **options: Any) -> Any:  # noqa: N802
        return _Pool(self, limit, **options)

    def __eqhash__(self) -> Any:
        # By it kombu finds the pool of a connection: Celery's own is another.
        return HashedSeq(_Keeping, super().__eqhash__())


class _Pool(ConnectionPool):
    def new(self) -> Any:
        made = super().new()
        _keep(made)
        return made


def _keep(connection: Any) -> None:
    connection.__class__ = _keeping(connection.__class__)


@cache
def _keeping(kind: Any) -> Any:
    # Before kombu 5.7, what is in a pool is of the same class as what it is made by.
    is_one = issubclass(kind, _Keeping)
    return kind if is_one else type("Connection", (_Keeping, kind), {})


@cache
def _kept(transport: Any) -> Any:
    """Give a transport of Redis that loses nothing on the way to a worker.

    Kombu takes a message out of its list, and notes in another command who has it: if
    the worker or Redis ends in between, or Redis is full, it is gone. Noted before it
    is in the list, it is given to another worker after the ``visibility_timeout``, as
    any message that a worker took and didn't acknowledge. One that waits in the list
    for longer than that is done twice.
    """
    from redis.exceptions import ResponseError

    class Channel(transport.Channel):  # type: ignore[misc]
        def _put(self, queue: str, message: dict[str, Any], **more: Any) -> None:
            if not self.ack_emulation:
                # Nobody would remove the note.
                super()._put(queue, message, **more)
                return
            tag = message["properties"]["delivery_tag"]
            sent = message["properties"]["delivery_info"]
            noted = dumps([message, sent["exchange"], sent["routing_key"]])
            try:
                with self.conn_or_acquire() as client:
                    # No transaction: a full Redis refuses one of whatever kind, and
                    # what there is of a note without the rest does no harm.
                    pipe = client.pipeline(transaction=False)
                    pipe.zadd(self.unacked_index_key, {tag: time()})
                    pipe.hset(self.unacked_key, tag, noted)
                    pipe.execute()
                super()._put(queue, message, **more)
            except ResponseError:
                with self.conn_or_acquire() as client:
                    client.zrem(self.unacked_index_key, tag)
                    client.hdel(self.unacked_key, tag)
                raise

    return type("Transport", (transport,), {"Channel": Channel})
